// Reading a code with the camera: the browser's own BarcodeDetector, else jsQR, loaded only when somebody asks for the camera.
const EVERY = 120; // milliseconds between looks

async function detector() {
  if ("BarcodeDetector" in window && (await BarcodeDetector.getSupportedFormats()).includes("qr_code")) {
    const native = new BarcodeDetector({ formats: ["qr_code"] });
    return async (video) => (await native.detect(video))[0]?.rawValue;
  }
  await import("../vendor/jsqr-1.4.0.js"); // a classic script: it leaves `jsQR` on the window
  const canvas = document.createElement("canvas");
  const pen = canvas.getContext("2d", { willReadFrequently: true });
  return async (video) => {
    canvas.width = video.videoWidth;
    canvas.height = video.videoHeight;
    pen.drawImage(video, 0, 0);
    const { data, width, height } = pen.getImageData(0, 0, canvas.width, canvas.height);
    return window.jsQR(data, width, height, { inversionAttempts: "dontInvert" })?.data;
  };
}

/** Offer the camera where there is one; `found(text)` is called with what was read. */
export function startCamera(found) {
  const button = document.querySelector("[data-camera]");
  const place = document.querySelector("[data-camera-place]");
  const none = document.querySelector("[data-camera-none]");
  if (!button || !navigator.mediaDevices?.getUserMedia) return;
  const video = place.querySelector("video");
  let stream;

  const stop = () => {
    stream?.getTracks().forEach((track) => track.stop());
    stream = undefined;
    place.hidden = true;
    button.hidden = false;
  };

  const look = async (read) => {
    if (!stream) return;
    const text = video.readyState >= 2 ? await read(video).catch(() => undefined) : undefined;
    if (text) {
      stop();
      found(text);
      return;
    }
    setTimeout(look, EVERY, read);
  };

  button.hidden = false;
  button.addEventListener("click", async () => {
    none.hidden = true;
    try {
      stream = await navigator.mediaDevices.getUserMedia({ video: { facingMode: "environment" }, audio: false });
    } catch {
      none.hidden = false;
      return;
    }
    video.srcObject = stream;
    place.hidden = false;
    button.hidden = true;
    await video.play();
    look(await detector());
  });
  place.querySelector("[data-camera-stop]").addEventListener("click", stop);
}
