// Loaded before a laptop's runctl: its computer believes another date. Monotonic time stays as it is.
const shiftMs = Number(process.env.DATE_SHIFT_DAYS) * 86_400_000;
const RealDate = Date;
globalThis.Date = class extends RealDate {
  constructor(...args) {
    super(...(args.length === 0 ? [RealDate.now() + shiftMs] : args));
  }
  static now() {
    return RealDate.now() + shiftMs;
  }
};
