import { temporaryFolder } from '@runctl/testkit';
import { execFileSync } from 'node:child_process';
import { createReadStream } from 'node:fs';
import { mkdir, readdir, symlink, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { snapshot } from './snapshot.ts';
import { unpackArchive } from './unpack.ts';

const KEY = '-----BEGIN OPENSSH PRIVATE KEY-----\nb3BlbnNzaA==\n';

interface Sent {
  readonly files: readonly string[];
  readonly notes: readonly string[];
}

/** What arrives on a machine of a project that `make` fills. */
async function sent(
  make: (root: string) => Promise<void> | void,
  options: { readonly git?: boolean; readonly include?: readonly string[] } = {},
): Promise<Sent> {
  await using folder = await temporaryFolder();
  const root = join(folder.path, 'project');
  await mkdir(root);
  await writeFile(join(root, 'train.py'), '');
  await make(root);
  if (options.git === true) {
    const git = (...args: string[]) => execFileSync('git', ['-C', root, ...args], { stdio: 'pipe' });
    git('init', '-q');
    git('add', '-A');
  }
  const { archivePath, notes } = await snapshot(root, { into: folder.path, include: options.include ?? [] });
  const arrived = join(folder.path, 'arrived');
  await unpackArchive(createReadStream(archivePath), arrived);
  const entries = await readdir(arrived, { recursive: true });
  return { files: entries.filter((path) => path !== 'train.py').sort(), notes };
}

const file =
  (path: string, content = 'x') =>
  async (root: string): Promise<void> => {
    await mkdir(dirname(join(root, path)), { recursive: true });
    await writeFile(join(root, path), content);
  };

const SECRETS: readonly (readonly [string, string?])[] = [
  ['.env'],
  ['.env.production'],
  ['conf/staging.env'],
  ['.ENV'],
  ['.envrc'],
  ['.aws/credentials'],
  ['home/.aws/config'],
  ['.netrc'],
  ['_netrc'],
  ['.git-credentials'],
  ['certs/server.pem'],
  ['.kaggle/kaggle.json'],
  ['kaggle.json'],
  ['.docker/config.json'],
  ['.dockerconfigjson'],
  ['.config/gcloud/application_default_credentials.json'],
  ['.azure/accessTokens.json'],
  ['.kube/config'],
  ['.ssh/known_hosts'],
  ['id_rsa'],
  ['keys/id_ed25519'],
  ['deploy.key', KEY],
  ['deploy', `# for the cluster\n${KEY}`],
  ['sa.json', JSON.stringify({ type: 'service_account', private_key: '-----BEGIN PRIVATE KEY-----\nx' })],
  ['client_secret_12.json'],
  ['vpn.ovpn'],
  ['.pypirc'],
  ['rootkey.key', '-----BEGIN ENCRYPTED PRIVATE KEY-----\n'],
  ['kubeconfig'],
  ['deploy/prod.kubeconfig'],
  ['.npmrc', '//registry.npmjs.org/:_authToken=npm_x\n'],
  ['web/.npmrc', 'registry=https://example.com\n_password = eA==\n'],
  ['pip.conf', '[global]\nindex-url = https://me:secret@example.com/simple\n'],
  ['.yarnrc.yml', 'npmAuthToken: x\n'],
  ['.cache/huggingface/token'],
  ['.huggingface/token'],
  ['hf_token.txt'],
  ['.wandb_api_key'],
  ['.streamlit/secrets.toml'],
  ['conf/secrets.yaml'],
  ['id_rsa.bak'],
  ['keys/id_ed25519_work'],
  ['.cargo/credentials.toml'],
  ['infra/terraform.tfstate'],
  ['.config/gh/hosts.yml'],
];

describe.each([{ git: false }, { git: true }])('what may hold secrets (tracked: $git)', ({ git }) => {
  const each = SECRETS.map(([path, content = 'x']) => ({ path, content }));
  test.each(each)('$path stays behind and is named', async ({ path, content }) => {
    const { files, notes } = await sent(file(path, content), { git });
    expect(files.filter((other) => path.endsWith(other) && !path.startsWith(`${other}/`))).toEqual([]);
    expect(notes[0]).toBe(`left out, since they may hold secrets: ${path}; --include-pattern '${path}' would send it`);
  });

  test('is sent where a pattern names it, also what git ignores', async () => {
    const make = async (root: string): Promise<void> => {
      await file('.env')(root);
      await file('certs/ca.pem')(root);
      await file('certs/server.pem')(root);
      await file('.gitignore', '.env\n')(root);
    };
    const { files, notes } = await sent(make, { git, include: ['.env', 'certs/ca.pem'] });
    expect(files).toEqual(['.env', '.gitignore', 'certs', 'certs/ca.pem']);
    expect(notes).toEqual([
      "left out, since they may hold secrets: certs/server.pem; --include-pattern 'certs/server.pem' would send it",
    ]);
  });
});

test.each([
  '.env.example',
  'environment.yml',
  'id_rsa.pub',
  'keys.py',
  'credentials.py',
  'tokenizer.json',
  'docs/aws.md',
  '.npmrc',
  'pip.conf',
  'secrets.py',
  'secrets.yaml.example',
  'kubeconfig.py',
  'id_rsa_work.pub',
  'id_rsa_loader.py',
  'models/token',
  'hf_tokenizer.txt',
])('%s holds no secret', async (path) => {
  const { files, notes } = await sent(file(path, 'no key'));
  expect(files).toContain(path);
  expect(notes).toEqual([]);
});

test('however many secrets there are, they are one note', async () => {
  const { notes } = await sent(async (root) => {
    for (let i = 0; i < 25; i++) await file(`k${String(i).padStart(2, '0')}.pem`)(root);
  });
  expect(notes).toEqual([expect.stringMatching(/: k00\.pem, .*k19\.pem, and 5 more; .* would send the first$/)]);
});

describe.each([{ git: false }, { git: true }])('what is no file (git: $git)', ({ git }) => {
  test('empty folders arrive', async () => {
    const make = async (root: string): Promise<void> => {
      await mkdir(join(root, 'logs/tb'), { recursive: true });
      await mkdir(join(root, 'ünïcode'));
    };
    expect(await sent(make, { git })).toEqual({ files: ['logs', 'logs/tb', 'ünïcode'], notes: [] });
  });

  test('pipes and sockets are named', async () => {
    const make = (root: string): void => {
      execFileSync('mkfifo', [join(root, 'pipe')]);
      const socket = 'import socket, sys; socket.socket(socket.AF_UNIX).bind(sys.argv[1])';
      execFileSync('python3', ['-c', socket, join(root, 'ipc')]);
    };
    const { files, notes } = await sent(make, { git });
    expect(files).toEqual([]);
    expect([...notes].sort()).toEqual(['ipc is left out: it is a socket', 'pipe is left out: it is a pipe']);
  });

  test('names that are not UTF-8 are named', async () => {
    const { files, notes } = await sent(
      async (root) => {
        await writeFile(Buffer.concat([Buffer.from(`${root}/caf`), Buffer.from([0xe9]), Buffer.from('.txt')]), 'x');
        await mkdir(Buffer.concat([Buffer.from(`${root}/d`), Buffer.from([0xff])]));
      },
      { git },
    );
    expect(files).toEqual([]);
    expect([...notes].sort()).toEqual([
      'caf\\xe9.txt is left out: its name is not UTF-8',
      'd\\xff is left out: its name is not UTF-8',
    ]);
  });

  test('a link to nothing is sent as it is', async () => {
    const { files } = await sent((root) => symlink('later', join(root, 'link')), { git });
    expect(files).toEqual(['link']);
  });
});
