/** `ip-10-77-0-11` says 10.77.0.11; any other name gives no address but loopback. */
export function addressOf(hostName: string): string | null {
  const match = /^ip-(\d+)-(\d+)-(\d+)-(\d+)$/.exec(hostName.split('.')[0] ?? '');
  return match === null ? null : match.slice(1).join('.');
}
