/**
 * Affixes that writers give to what is not finished. Sources: Hugging Face (`tmp-checkpoint-500/`), Orbax
 * (`500.orbax-checkpoint-tmp-17`), and the habits `x.tmp`, `x.tmp.1234`, `x.part`, `.x.partial`, `x~`.
 */
const AFFIXES: readonly RegExp[] = [
  /\.orbax-checkpoint-tmp-\d+$/i,
  /[._-]te?mp(?:[._-]?[0-9a-z]{1,16})?$/i,
  /\.part(?:ial)?$/i,
  /~$/,
  /^te?mp[-_.]/i,
  /^\.+/,
];

/** The name that a temporary one most likely gets in the end; other names stay as they are. */
export function likelyFinalName(name: string): string {
  const bare = AFFIXES.reduce((rest, affix) => rest.replace(affix, ''), name);
  return bare === '' ? name.replaceAll('.', '_') : bare;
}

export function likelyFinalPath(path: string): string {
  return path.split('/').map(likelyFinalName).join('/');
}
