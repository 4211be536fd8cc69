// The Live screen.

export const live = {
  allCameras: "All cameras",
  enlarge: (camera) => `Show ${camera} large`,
  layers: "Layers",
  layer: { boxes: "Boxes", names: "Names", trails: "Trails", confidence: "How certain", areas: "Zones and masks" },
  fullScreen: "Full screen",
  leaveFullScreen: "Leave full screen",
  people: "People beside the cameras",
  keys: [
    ["Full screen (Live)", ["f"]],
    ["Show the camera large (Live)", ["Enter"]],
    ["Camera before or after (Live, one camera)", ["←", "→"]],
  ],
};
