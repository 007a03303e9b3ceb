// One tone for each of the two top priorities; always beside what is seen, never alone.
const TONES: Readonly<Record<number, readonly number[]>> = { 1: [880, 660, 880], 2: [660, 660] };
const NOTE_S = 0.16;
let context: AudioContext | null = null;

export function soundAlarm(priority: number): void {
  const notes = TONES[priority];
  if (!notes || typeof AudioContext === 'undefined') return;
  context ??= new AudioContext();
  for (const [index, hertz] of notes.entries()) {
    const start = context.currentTime + index * NOTE_S * 1.5;
    const gain = new GainNode(context, { gain: 0.15 });
    const tone = new OscillatorNode(context, { frequency: hertz, type: 'sine' });
    tone.connect(gain).connect(context.destination);
    tone.start(start);
    tone.stop(start + NOTE_S);
  }
}
