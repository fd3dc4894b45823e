// Reads barcodes with the phone's camera, where the browser can.

const FORMATS = ["ean_13", "ean_8", "upc_a", "code_128", "code_39"];

export const canRead = () => "BarcodeDetector" in globalThis && Boolean(navigator.mediaDevices?.getUserMedia);

/** Show the camera in *video* and call *found* with each code read, until the returned function is called. */
export async function read(video, found) {
  const stream = await navigator.mediaDevices.getUserMedia({ video: { facingMode: "environment" } });
  const detector = new BarcodeDetector({ formats: FORMATS });
  let running = true;
  video.srcObject = stream;
  video.hidden = false;
  await video.play();
  const look = async () => {
    if (!running) return;
    const [code] = await detector.detect(video).catch(() => []);
    if (code && running) found(code.rawValue);
    setTimeout(look, 200);
  };
  look();
  return () => {
    running = false;
    stream.getTracks().forEach((track) => track.stop());
    video.hidden = true;
    video.srcObject = null;
  };
}
