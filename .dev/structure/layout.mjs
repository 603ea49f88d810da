// Which folder may know what. Each rule says why, and what to do instead.

/** Words of one provider, and the folders that may use them for names. Texts for people may say anything. */
export const PROVIDER_WORDS = {
  pattern: /fleet|ec2|imds|subnet|spot[-_]?notice/i,
  // `ec2` is left out: it names the host adapter in data.
  codes: /^(fleets?|imds|subnets?|spot-notice)$/i,
  allowed: ['packages/provider/src/aws', 'packages/aws-wire', 'agent/src/host/ec2', 'packages/sandbox'],
  instead:
    'only provider/aws, aws-wire, host/ec2 and sandbox know what EC2 calls things: use a neutral name ' +
    '(machine, capacity, location, market, notice) or move the code there',
};

/**
 * A file of `from` (without `except`) imports nothing from `to` (without `allowed`) and none of the packages `specifiers`.
 * Places are folders or files.
 * @typedef {{ from: string[], to?: string[], allowed?: string[], specifiers?: string[], except?: string[], instead: string }} ForbiddenImport
 * @type {ForbiddenImport[]}
 */
export const FORBIDDEN_IMPORTS = [
  {
    from: ['agent/src'],
    to: ['controller'],
    instead: 'agent and controller meet in packages/protocol alone',
  },
  {
    from: ['controller/src'],
    to: ['agent'],
    instead: 'agent and controller meet in packages/protocol alone',
  },
  {
    from: ['packages/operations/src'],
    to: ['packages/provider/src'],
    allowed: ['packages/provider/src/index.ts', 'packages/provider/src/port', 'packages/provider/src/boot'],
    specifiers: ['@aws-sdk', '@smithy'],
    instead: 'operations take a Provider as a port; the controller chooses the adapter',
  },
  {
    from: ['packages/operations/src'],
    specifiers: ['clipanion', 'typanion', 'process', 'node:process', 'node:readline', 'node:tty'],
    instead:
      'an operation yields events and returns a value; parsing, printing and the process belong to the controller',
  },
  {
    from: ['agent/src/life', 'agent/src/lifecycle', 'agent/src/recovery', 'agent/src/workload'],
    to: ['agent/src/host/ec2'],
    instead: 'take what you need through the port in agent/src/host; only compose/ knows which host there is',
  },
  {
    from: ['packages', 'agent/src', 'controller/src'],
    to: ['packages/sandbox/src'],
    except: ['packages/sandbox', 'controller/src/adapters/sandbox.ts'],
    allowed: ['packages/sandbox/src/client'],
    instead: 'import @runctl/sandbox/client; the region itself is loaded by `runctl sandbox serve` alone',
  },
  ...storeFolders({
    port: [],
    parts: ['port'],
    s3: ['port', 'parts', 'credentials'],
    directory: ['port'],
    memory: ['port'],
    decorators: ['port'],
    credentials: ['port'],
    transfer: ['port', 'parts'],
  }),
];

/** What each folder of the store may import of the others. */
function storeFolders(mayImport) {
  const place = (folder) => `packages/store/src/${folder}`;
  return Object.entries(mayImport).map(([folder, others]) => ({
    from: [place(folder)],
    to: Object.keys(mayImport).map(place),
    allowed: [folder, ...others].map(place),
    instead: `packages/store/README.md says what ${place(folder)} may import: the port, not those who implement or wrap it`,
  }));
}

/** A notice is what a host gives; every other window of time is a field of its own in packages/protocol/src/timing.ts. */
export const NOTICE = {
  name: 'noticeMs',
  allowed: ['agent/src/host', 'packages/sandbox', 'packages/protocol/src/timing.ts'],
  instead: 'a window that is no notice is a field of its own in packages/protocol/src/timing.ts',
};
