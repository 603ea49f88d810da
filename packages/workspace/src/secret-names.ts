import { open } from 'node:fs/promises';
import { basename, extname } from 'node:path/posix';

/** Folders in which programs keep keys. Whatever lies in one is taken for secret. */
export const SECRET_FOLDERS: ReadonlySet<string> = new Set([
  '.env',
  '.aws',
  '.ssh',
  '.gnupg',
  '.kaggle',
  '.azure',
  '.kube',
  '.docker',
  '.oci',
  '.config/gcloud',
  '.huggingface',
  '.databricks',
  '.config/gh',
]);

/** Files by their name and the folder they lie in. */
const PLACES: ReadonlySet<string> = new Set(['huggingface/token', 'huggingface/stored_tokens']);

/** Files by their whole name. */
const NAMES =
  /^(\.envrc|[._]netrc|\.git-credentials|\.pgpass|\.pypirc|\.htpasswd|\.boto|\.s3cfg|\.my\.cnf|\.dockercfg|\.dockerconfigjson|\.vault-token|\.databrickscfg|kaggle\.json|rclone\.conf|application_default_credentials\.json|client_secrets?.*\.json|service[-_]account.*\.json|credentials(\.json|\.csv|\.toml)?|accesskeys\.csv|(.+[-_.])?kubeconfig(\.ya?ml)?|\.?hf[-_]token(\.txt)?|\.?wandb[-_](api[-_])?key(\.txt)?|secrets\.(toml|ya?ml|json)|.+\.tfstate(\.backup)?)$/i;

/** `.env`, `.env.production`, `prod.env`; not the samples that a project ships to be filled in. */
const ENVIRONMENT = /^(\.env(\..+)?|.+\.env)$/i;
const SAMPLE = /\.(example|sample|template|dist|defaults?|schema)$/i;

const KEY_NAMES =
  /^id_(rsa|dsa|ecdsa|ed25519)(_sk)?([-_][\w-]+)?(\.(bak|backup|old|orig|key|private))?$|^ssh_host_.+_key$/i;
const KEY_ENDINGS = /\.(pem|ppk|p12|pfx|jks|keystore|kdbx|ovpn)$/i;

/** Kinds of files in which a private key may stand; a program's own source is not looked into. */
const MAY_HOLD_A_KEY: ReadonlySet<string> = new Set(
  ['', '.key', '.p8', '.pk8', '.priv', '.private', '.asc', '.gpg', '.txt', '.json', '.crt', '.cert'].values(),
);
const LARGEST_KEY_BYTES = 64 * 1024;
/** Settings of package managers, which are secret where a password or token stands in them. */
const MAY_HOLD_A_TOKEN = /^(\.npmrc|\.yarnrc(\.yml)?|\.?pip\.(conf|ini)|\.condarc|uv\.toml)$/i;
const TOKEN_MARK = /_auth(Token)?\s*=|_password\s*=|npmAuth(Token|Ident)\s*:|:\/\/[^\s/:@]+:[^\s/@]+@/i;
const KEY_MARK = /-----BEGIN [A-Z0-9 ]*PRIVATE KEY/;

/** Why a file of a project, by its relative path with `/`, may hold secrets; null when its name says nothing. */
export function secretByName(path: string): string | null {
  const folders = path.split('/').slice(0, -1);
  for (const [at, folder] of folders.entries()) {
    const two = `${folder}/${folders[at + 1] ?? ''}`;
    if (SECRET_FOLDERS.has(folder.toLowerCase()) || SECRET_FOLDERS.has(two.toLowerCase())) return 'credentials';
  }
  const name = basename(path);
  if (PLACES.has(`${folders.at(-1) ?? ''}/${name}`)) return 'credentials';
  if (NAMES.test(name)) return 'credentials';
  if (ENVIRONMENT.test(name) && !SAMPLE.test(name)) return 'environment';
  return KEY_NAMES.test(name) || KEY_ENDINGS.test(name) ? 'key' : null;
}

/**
 * Whether a private key stands in a file, or the token of a package manager in its settings. Only small files that may hold
 * one are read. Errors: those of reading it.
 */
export async function holdsSecret(file: string, sizeBytes: number): Promise<boolean> {
  const isSettings = MAY_HOLD_A_TOKEN.test(basename(file));
  if (sizeBytes === 0 || sizeBytes > LARGEST_KEY_BYTES) return false;
  if (!isSettings && !MAY_HOLD_A_KEY.has(extname(file).toLowerCase())) return false;
  const handle = await open(file);
  try {
    const text = (await handle.readFile()).toString('latin1');
    return KEY_MARK.test(text) || (isSettings && TOKEN_MARK.test(text));
  } finally {
    await handle.close();
  }
}
