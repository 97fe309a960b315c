/**
 * Numbers and times as people read them.
 *
 * @module
 */

const THIN = "\u202f";

export function count(value: number): string {
  return Math.round(value).toString().replace(/\B(?=(\d{3})+$)/g, THIN);
}

/** For axes: 1.2k, 3M. */
export function short(value: number): string {
  if (value >= 1e6) return `${trim(value / 1e6)}M`;
  if (value >= 1e3) return `${trim(value / 1e3)}k`;
  return trim(value);
}

function trim(value: number): string {
  return String(Number(value.toPrecision(3)));
}

/** A duration of so many milliseconds. */
export function ms(value: number): string {
  if (!Number.isFinite(value)) return "–";
  if (value === 0) return "0";
  if (value < 1) return `${trim(value * 1000)}${THIN}µs`;
  if (value < 1000) return `${trim(value)}${THIN}ms`;
  if (value < 60_000) return `${trim(value / 1000)}${THIN}s`;
  if (value < 3_600_000) return `${trim(value / 60_000)}${THIN}min`;
  return `${trim(value / 3_600_000)}${THIN}h`;
}

/** For axes of durations, where there is little room. */
export function tick(value: number): string {
  return value < 1000 ? ms(value) : `${short(value / 1000)}${THIN}s`;
}

export function percent(share: number): string {
  if (!Number.isFinite(share)) return "–";
  const value = share * 100;
  return `${value > 0 && value < 1 ? "<1" : Math.round(value)}${THIN}%`;
}

/** A point in time, as exact as ticks so far apart need it; both microseconds. */
export function clock(time: number, step: number): string {
  if (step < 1_000) {
    return `${(time / 1000).toFixed(step < 10 ? 3 : 2)}${THIN}ms`;
  }
  if (step < 1_000_000) {
    const digits = step < 10_000 ? 3 : step < 100_000 ? 2 : 1;
    return `${(time / 1e6).toFixed(digits)}${THIN}s`;
  }
  const seconds = Math.round(time / 1e6);
  if (seconds < 60) return `${seconds}${THIN}s`;
  const two = (value: number) => String(value).padStart(2, "0");
  const hours = Math.floor(seconds / 3600);
  const minutes = Math.floor(seconds / 60) % 60;
  return hours > 0
    ? `${hours}:${two(minutes)}:${two(seconds % 60)}`
    : `${minutes}:${two(seconds % 60)}`;
}

const STEPS = [
  ...[1, 2, 5, 10, 20, 50, 100, 200, 500].flatMap((n) => [n, n * 1e3]),
  ...[1e6, 2e6, 5e6, 10e6, 15e6, 30e6, 60e6, 120e6, 300e6, 600e6, 1800e6],
  ...[3600e6, 7200e6, 21600e6, 86400e6],
].sort((a, b) => a - b);

/** How far apart ticks are, so that at most so many are in the span. */
export function stepOf(span: number, most: number): number {
  return STEPS.find((step) => span / step <= most) ?? 86400e6 * 10;
}

/** A round number that is not below the value: the top of an axis. */
export function top(value: number): number {
  if (!(value > 0)) return 1;
  const unit = 10 ** Math.floor(Math.log10(value));
  return [1, 1.5, 2, 3, 4, 5, 6, 8, 10].find((n) => n * unit >= value)! * unit;
}
