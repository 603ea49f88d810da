import { RunctlError, messageOf } from '@runctl/core';
import type { ToolTarget } from '@runctl/operations/launch';
import { execa } from 'execa';
import { existsSync } from 'node:fs';
import { mkdtemp, open, rm } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';

type Architecture = ToolTarget['architecture'];

/** The Node that agents run on; the dependencies of this project pin the same. */
export const AGENT_NODE_VERSION = '24.21.0';

/** Brings a package of the npm registry, and resolves with its unpacked folder, which lies in `into`. */
export type FetchPackage = (name: string, version: string, into: string) => Promise<string>;

/** A Node binary for machines. */
export interface NodeRuntime {
  /** `v24.1.0` */
  readonly version: string;
  readonly os: string;
  readonly arch: string;
  /** Null where it has to be fetched first. */
  readonly path: string | null;
  /** Hands the binary out, for as long as `work` lasts; `folder` takes what is fetched. */
  use<T>(folder: string, work: (path: string) => Promise<T>): Promise<T>;
}

/** Where a binary can come from. */
export interface RuntimeSources {
  readonly fetchPackage: FetchPackage;
  /** The one that this process runs on, and its own binary. */
  readonly computer: Pick<NodeJS.Process, 'arch' | 'execPath' | 'platform' | 'version'>;
}

/**
 * The Linux binary that came with the dependencies, else this process's own where that is one for the architecture, else that
 * of the npm registry. A computer without Linux gives its own to a local cloud, whose machines are what it is.
 */
export async function nodeRuntime(
  { architecture, isLocal }: ToolTarget,
  { computer, fetchPackage }: RuntimeSources,
): Promise<NodeRuntime> {
  const { arch, execPath, platform: os, version } = computer;
  if (isLocal && os !== 'linux') return { version, os, arch, path: execPath, use: (_folder, work) => work(execPath) };
  const named = { os: 'linux', arch: architecture };
  const pinned = os === 'linux' ? pinnedNode(architecture) : null;
  if (pinned !== null) return ofFile(pinned, { ...named, version: await versionOf(pinned) });
  if (os === 'linux' && arch === architecture) return ofFile(execPath, { ...named, version });
  return {
    ...named,
    version: `v${AGENT_NODE_VERSION}`,
    path: null,
    use: (folder, work) => withFetched({ architecture, folder, fetchPackage }, work),
  };
}

function ofFile(
  path: string,
  named: Pick<NodeRuntime, 'version' | 'os'> & { readonly arch: Architecture },
): NodeRuntime {
  return {
    ...named,
    path,
    use: async (_folder, work) => {
      await refuseOtherProcessor(path, named.arch);
      return work(path);
    },
  };
}

function pinnedNode(architecture: Architecture): string | null {
  try {
    const manifest = createRequire(import.meta.url).resolve(`node-linux-${architecture}/package.json`);
    const path = join(dirname(manifest), 'bin', 'node');
    return existsSync(path) ? path : null;
  } catch {
    return null;
  }
}

/** What this computer can't execute tells no version: the dependencies pin it. */
async function versionOf(path: string): Promise<string> {
  try {
    return (await execa(path, ['--version'])).stdout.trim();
  } catch {
    return `v${AGENT_NODE_VERSION}`;
  }
}

async function withFetched<T>(
  wanted: { readonly architecture: Architecture; readonly folder: string; readonly fetchPackage: FetchPackage },
  work: (path: string) => Promise<T>,
): Promise<T> {
  const name = `node-linux-${wanted.architecture}`;
  const into = await mkdtemp(join(wanted.folder, 'runtime-'));
  try {
    const path = join(await fetched(name, into, wanted.fetchPackage), 'bin', 'node');
    await refuseOtherProcessor(path, wanted.architecture);
    return await work(path);
  } finally {
    await rm(into, { recursive: true, force: true });
  }
}

async function fetched(name: string, into: string, fetchPackage: FetchPackage): Promise<string> {
  try {
    return await fetchPackage(name, AGENT_NODE_VERSION, into);
  } catch (error) {
    throw new RunctlError(
      'config-missing',
      `the runtime for these machines could not be fetched: ${messageOf(error)}`,
      {
        hint: `npm brings it: see that \`npm pack ${name}@${AGENT_NODE_VERSION}\` works here, or launch with types of another architecture`,
        cause: error,
      },
    );
  }
}

/** `e_machine` of an ELF header (System V ABI): what would otherwise show at the first boot, on a machine that costs. */
const ELF_MACHINE: Readonly<Record<Architecture, number>> = { x64: 0x3e, arm64: 0xb7 };

async function refuseOtherProcessor(path: string, architecture: Architecture): Promise<void> {
  const header = Buffer.alloc(20);
  await using file = await open(path);
  await file.read(header, 0, header.length, 0);
  if (header.readUInt32BE(0) === 0x7f454c46 && header.readUInt16LE(18) === ELF_MACHINE[architecture]) return;
  throw new RunctlError('internal', `${path} is no Linux program for ${architecture}`);
}
