"""The harness works: with a bare anywidget, its recording equals the audio that was played."""

from __future__ import annotations

import numpy as np
import pytest

from tests.e2e.conftest import OpenNotebook
from tests.e2e.harness.speech import Speech

pytestmark = pytest.mark.alone

_TONE = """
    import anywidget, numpy as np, traitlets

    class Tone(anywidget.AnyWidget):
        samples = (8000 * np.sin(np.arange(24_000) * 0.05)).astype("<i2")
        gain = traitlets.Int(1).tag(sync=True)
        heard = traitlets.Int(0).tag(sync=True)
        _esm = '''
        const worklet = `registerProcessor("once", class extends AudioWorkletProcessor {
          constructor() { super(); this.at = 0; this.port.onmessage = ({data}) => { this.data = data; }; }
          process(_, [out]) {
            if (this.data) for (let i = 0; i < 128; i += 1) out[0][i] = (this.data[this.at + i] ?? 0) / 32768;
            this.at += this.data ? 128 : 0;
            return true;
          }
        });`;
        export default { render({ model, el }) {
          const button = document.createElement("button");
          button.textContent = "Play";
          button.onclick = async () => {
            const stream = await navigator.mediaDevices.getUserMedia({ audio: { echoCancellation: false } });
            const context = new AudioContext({ sampleRate: 24000 });
            await context.audioWorklet.addModule(URL.createObjectURL(new Blob([worklet], {type: "text/javascript"})));
            const node = new AudioWorkletNode(context, "once");
            node.connect(context.destination);
            model.on("msg:custom", (content, [data]) => {
              node.port.postMessage(new Int16Array(data.buffer.slice(data.byteOffset).slice(0, data.byteLength)));
              stream.getTracks()[0].stop();
            });
            model.send({ ready: true });
          };
          el.append(button);
        } };
        '''
        def __init__(self):
            super().__init__()
            self.on_msg(lambda *_: self.send({}, buffers=[self.samples.tobytes()]))
    """


async def test_recording_equals_the_audio_that_a_page_plays(notebook: OpenNotebook, speech: Speech) -> None:
    book = await notebook(_TONE, "w = Tone(); w", mic=speech.say("Hello."))
    await book.lab.run(0)
    await book.lab.run(1)
    await book.lab.page.get_by_role("button", name="Play", exact=True).click()
    await book.lab.until_silence()
    sent = await book.kernel.samples("w.samples")
    heard = (await book.lab.sound()).whole()
    first = int(np.flatnonzero(sent)[0])
    start = int(np.flatnonzero(heard)[0]) - first
    np.testing.assert_array_equal(heard[start : start + len(sent)][first:], sent[first:])
    [track] = await book.lab.tracks()
    assert track["state"] == "ended"
    assert track["constraints"] == {"audio": {"echoCancellation": False}}


async def test_page_and_kernel_probe_share_one_kernel(notebook: OpenNotebook) -> None:
    book = await notebook("x = 20", "import asyncio; await asyncio.sleep(0); print(x + 1)")
    await book.lab.run(0)
    await book.lab.run(1)
    assert (await book.lab.outputs(1))[0]["text"] == "21\n"
    assert await book.kernel.get("[x, await asyncio.sleep(0, 'awaited')]") == [20, "awaited"]
    assert await book.lab.page.evaluate("() => window.isSecureContext")
    assert await book.kernel.get("[k for k in __import__('os').environ if 'OPENAI' in k or 'PROXY' in k.upper()]") == []


async def test_a_page_of_another_host_over_http_is_no_secure_context(notebook: OpenNotebook) -> None:
    book = await notebook("1 + 1", secure=False)
    assert not await book.lab.page.evaluate("() => window.isSecureContext")
    assert await book.lab.page.evaluate("() => navigator.mediaDevices === undefined")
