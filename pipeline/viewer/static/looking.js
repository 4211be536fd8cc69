// Tells the server what of the cameras is on the screen, so that nobody makes or sends more than that.

const SETTLE_MS = 120; // a window that is being resized, a page that is being scrolled

export class Looking {
  constructor(connection) {
    Object.assign(this, { connection, cameras: {}, said: "", timer: null });
    document.addEventListener("visibilitychange", () => this.say());
    connection.addEventListener("state", ({ detail }) => detail.state === "open" && this.say(true));
  }

  /**
   * What is needed from now on; of cameras that are not named nothing is.
   * @param cameras name → { width: in device pixels (0: boxes without the picture), fps: at most,
   *   video: true for the camera's own, where it can be had }
   */
  want(cameras) {
    this.cameras = cameras;
    this.timer ??= setTimeout(() => this.say(), SETTLE_MS);
  }

  say(anew = false) {
    clearTimeout(this.timer);
    this.timer = null;
    const cameras = document.hidden ? {} : this.cameras;
    const text = JSON.stringify(cameras);
    if (text === this.said && !anew) return;
    this.said = text;
    this.connection.send({ type: "look", cameras });
  }
}
