"""One browser's WebSocket: pictures and news to it, pings and receipts from it."""

from __future__ import annotations

import asyncio
import time

from pydantic import ValidationError
from starlette.websockets import WebSocket, WebSocketDisconnect

from pipeline.errors import StoreError
from pipeline.onlookers import Look
from pipeline.viewer.hub import Hub
from pipeline.viewer.messages import REQUEST, LookAt, LookRequest, Ping, Pong, Trouble
from pipeline.viewer.outbox import Outbox

_RETRY_SECONDS = 1.0
_NOT_UNDERSTOOD = 1008  # the WebSocket protocol's code for a violated policy


async def talk(websocket: WebSocket, hub: Hub) -> None:
    """Serves a browser until it goes, or the viewer stops."""
    await websocket.accept()
    outbox = Outbox()
    hub.join(outbox)
    try:
        async with asyncio.TaskGroup() as group:
            sending = group.create_task(_send(websocket, outbox, hub))
            await _receive(websocket, outbox, hub)
            sending.cancel()
    except* WebSocketDisconnect:
        pass  # it went while something was being sent
    finally:
        hub.leave(outbox)


async def _receive(websocket: WebSocket, outbox: Outbox, hub: Hub) -> None:
    """Until the browser goes, or says something that makes no sense."""
    while (message := await websocket.receive())["type"] == "websocket.receive":
        try:
            request = REQUEST.validate_json(message.get("text") or b"")
        except ValidationError:
            await websocket.close(_NOT_UNDERSTOOD, "expected a ping, a receipt or a look")
            return
        if isinstance(request, Ping):
            outbox.put_reply(Pong(sent=request.sent, server=time.time()).model_dump_json())
        elif isinstance(request, LookRequest):
            outbox.look({camera: _look(at) for camera, at in request.cameras.items()})
            hub.looked()
        else:
            hub.measure(outbox.shown(request.cameras))


def _look(at: LookAt) -> Look:
    return Look(None, at.fps, at.width) if at.video and at.width else Look(at.width, at.fps)


async def _send(websocket: WebSocket, outbox: Outbox, hub: Hub) -> None:
    while True:
        if outbox.snapshot_due:
            await _send_snapshot(websocket, outbox, hub)
        await outbox.wait()
        while not outbox.snapshot_due and (message := outbox.take()) is not None:
            if isinstance(message, str):
                await websocket.send_text(message)
            else:
                await websocket.send_bytes(message)


async def _send_snapshot(websocket: WebSocket, outbox: Outbox, hub: Hub) -> None:
    outbox.snapshot_due = False  # before reading: what comes from here on is kept
    try:
        snapshot = await hub.snapshot()
    except StoreError as error:
        await websocket.send_text(Trouble(sentence=str(error)).model_dump_json())
        await asyncio.sleep(_RETRY_SECONDS)
        outbox.renew()
    else:
        await websocket.send_text(snapshot.model_dump_json())
