/** The region's idea of time. `scale` shortens EC2's own delays (the two minutes of a notice become 120 s × scale). */
export interface RegionClock {
  nowMs(): number;
  readonly scale: number;
}
