import { randomBytes } from 'node:crypto';
import { mkdir, readFile, rename, writeFile } from 'node:fs/promises';
import { join } from 'node:path';

/** A run as it was last listed. */
export interface RememberedRun {
  readonly run: string;
  readonly name: string | null;
  /** What the list said of it, in a few words. */
  readonly about: string;
}

/** Where runs were listed: buckets with equal names may be of different clouds. */
export interface RunPlace {
  readonly bucket: string;
  /** State folder of the local cloud; null for a real one. */
  readonly sandbox: string | null;
}

interface RememberedPlace extends RunPlace {
  readonly runs: readonly RememberedRun[];
}

const VERSION = 1;
const MOST_PLACES = 10;
const MOST_RUNS = 100;

/** Replaces what is remembered of a place by these runs, newest first. Rejects when the folder can't be written. */
export async function rememberRuns(
  cacheFolder: string,
  place: RunPlace,
  runs: readonly RememberedRun[],
): Promise<void> {
  const others = (await readPlaces(cacheFolder)).filter((other) => !isSame(other, place));
  const places = [{ ...place, runs: runs.slice(0, MOST_RUNS) }, ...others].slice(0, MOST_PLACES);
  await mkdir(cacheFolder, { recursive: true });
  const file = fileIn(cacheFolder);
  const fresh = `${file}.${randomBytes(4).toString('hex')}`;
  await writeFile(fresh, JSON.stringify({ version: VERSION, places }));
  await rename(fresh, file);
}

/** Runs that were listed there last, newest first. `bucket` null = in any bucket, the one listed last first. Never rejects. */
export async function rememberedRuns(
  cacheFolder: string,
  place: { readonly bucket: string | null; readonly sandbox: string | null },
): Promise<readonly RememberedRun[]> {
  const places = await readPlaces(cacheFolder);
  return places
    .filter(({ bucket, sandbox }) => sandbox === place.sandbox && (place.bucket === null || bucket === place.bucket))
    .flatMap(({ runs }) => runs);
}

/** What can't be read is forgotten: the next list writes it anew. */
async function readPlaces(cacheFolder: string): Promise<readonly RememberedPlace[]> {
  try {
    const { version, places } = JSON.parse(await readFile(fileIn(cacheFolder), 'utf8')) as {
      version: unknown;
      places: RememberedPlace[];
    };
    return version === VERSION && places.every(({ runs }) => Array.isArray(runs)) ? places : [];
  } catch {
    return [];
  }
}

function isSame(a: RunPlace, b: RunPlace): boolean {
  return a.bucket === b.bucket && a.sandbox === b.sandbox;
}

const fileIn = (cacheFolder: string): string => join(cacheFolder, 'runs.json');
