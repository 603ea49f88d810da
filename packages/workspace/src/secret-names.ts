import { open } from 'node:fs/promises';
import { basename, extname } from 'node:path/posix';

/** Folders in which programs keep keys. Whatever lies in one is taken for secret. */
const FOLDERS: ReadonlySet<string> = new Set([
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
]);

/** Files by their whole name. */
const NAMES =
  /^(\.envrc|[._]netrc|\.git-credentials|\.pgpass|\.pypirc|\.htpasswd|\.boto|\.s3cfg|\.my\.cnf|\.dockercfg|\.dockerconfigjson|\.vault-token|\.databrickscfg|kaggle\.json|rclone\.conf|application_default_credentials\.json|client_secrets?.*\.json|service[-_]account.*\.json|credentials(\.json|\.csv)?|accesskeys\.csv)$/i;

/** `.env`, `.env.production`, `prod.env`; not the samples that a project ships to be filled in. */
const ENVIRONMENT = /^(\.env(\..+)?|.+\.env)$/i;
const SAMPLE = /\.(example|sample|template|dist|defaults?|schema)$/i;

const KEY_NAMES = /^id_(rsa|dsa|ecdsa|ed25519)(_sk)?$|^ssh_host_.+_key$/i;
const KEY_ENDINGS = /\.(pem|ppk|p12|pfx|jks|keystore|kdbx|ovpn)$/i;

/** Kinds of files in which a private key may stand; a program's own source is not looked into. */
const MAY_HOLD_A_KEY: ReadonlySet<string> = new Set(
  ['', '.key', '.p8', '.pk8', '.priv', '.private', '.asc', '.gpg', '.txt', '.json', '.crt', '.cert'].values(),
);
const LARGEST_KEY_BYTES = 64 * 1024;
const KEY_MARK = /-----BEGIN [A-Z0-9 ]*PRIVATE KEY/;

/** Why a file of a project, by its relative path with `/`, may hold secrets; null when its name says nothing. */
export function secretByName(path: string): string | null {
  const folders = path.split('/').slice(0, -1);
  for (const [at, folder] of folders.entries()) {
    const two = `${folder}/${folders[at + 1] ?? ''}`;
    if (FOLDERS.has(folder.toLowerCase()) || FOLDERS.has(two.toLowerCase())) return 'credentials';
  }
  const name = basename(path);
  if (NAMES.test(name)) return 'credentials';
  if (ENVIRONMENT.test(name) && !SAMPLE.test(name)) return 'environment';
  return KEY_NAMES.test(name) || KEY_ENDINGS.test(name) ? 'key' : null;
}

/** Whether a private key stands in a file, of which only small ones that may be one are read. Errors: those of reading it. */
export async function holdsPrivateKey(file: string, sizeBytes: number): Promise<boolean> {
  if (sizeBytes === 0 || sizeBytes > LARGEST_KEY_BYTES || !MAY_HOLD_A_KEY.has(extname(file).toLowerCase()))
    return false;
  const handle = await open(file);
  try {
    return KEY_MARK.test((await handle.readFile()).toString('latin1'));
  } finally {
    await handle.close();
  }
}
