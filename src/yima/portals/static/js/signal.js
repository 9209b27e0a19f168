// What a scan sounds and feels like. Text always says the same; a browser that forbids sound loses nothing else.
const TUNES = { good: [[880, 0.09]], soft: [[660, 0.12]], bad: [[300, 0.16], [220, 0.24]] };
let audio;

export function signal(kind) {
  navigator.vibrate?.(kind === "bad" ? [120, 60, 120] : 50);
  try {
    audio ??= new AudioContext();
    let at = audio.currentTime;
    for (const [pitch, length] of TUNES[kind]) {
      const tone = audio.createOscillator();
      const volume = audio.createGain();
      tone.frequency.value = pitch;
      volume.gain.setValueAtTime(0.12, at);
      volume.gain.exponentialRampToValueAtTime(0.001, at + length);
      tone.connect(volume).connect(audio.destination);
      tone.start(at);
      tone.stop(at + length);
      at += length;
    }
  } catch {
    // no sound device: the words are there
  }
}
