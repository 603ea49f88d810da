import { temporaryFolder } from '@runctl/testkit';
import { execFileSync } from 'node:child_process';
import { createReadStream } from 'node:fs';
import { link, mkdir, readdir, readFile, rename, rm, symlink, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { snapshot } from './snapshot.ts';
import { unpackArchive } from './unpack.ts';

const KEY = '-----BEGIN OPENSSH PRIVATE KEY-----\nb3BlbnNzaA==\n';

interface Sent {
  readonly files: readonly string[];
  readonly notes: readonly string[];
  readonly text: string;
}

/** What arrives on a machine of a project that `make` fills. */
async function sent(
  make: (root: string) => Promise<void> | void,
  options: {
    readonly git?: boolean;
    readonly include?: readonly string[];
    readonly tellIgnored?: boolean;
    /** Done after git has listed the project. */
    readonly afterwards?: (root: string) => Promise<void>;
  } = {},
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
  await options.afterwards?.(root);
  const { include = [], tellIgnored = false } = options;
  const { archivePath, notes } = await snapshot(root, {
    into: folder.path,
    include,
    tellIgnored,
    home: join(root, '../home'),
  });
  const arrived = join(folder.path, 'arrived');
  await unpackArchive(createReadStream(archivePath), arrived);
  const entries = await readdir(arrived, { recursive: true });
  return { files: entries.filter((path) => path !== 'train.py').sort(), notes, text: await textOf(arrived) };
}

/** The content of all that arrived. */
async function textOf(folder: string): Promise<string> {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true });
  const files = entries.filter((entry) => entry.isFile());
  return (await Promise.all(files.map(({ parentPath, name }) => readFile(join(parentPath, name), 'utf8')))).join('\n');
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
    expect(await sent(make, { git })).toMatchObject({ files: ['logs', 'logs/tb', 'ünïcode'], notes: [] });
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

/** Stands in every secret of these tests, and must arrive nowhere. */
const CANARY = 'canary-of-a-secret';

const SECRETS_OF_HOME = [
  '.aws/credentials',
  '.ssh/work',
  '.netrc',
  '.config/gcloud/adc',
  '.cache/huggingface/token',
  '.ssh/keys/customers/work',
  '.aws/sso/cache/0f1e.json',
  '.config/gcloud/legacy_credentials/me@example.com/adc.json',
  '.kube/clusters/production',
  '.docker/contexts/tls/a/key',
  '.config/rclone/rclone.conf',
  '.config/tool/deep/credentials.json',
  '.config/some-cli/hf_token',
  '.gnupg/private-keys-v1.d/ABC.key',
  '.azure/cliextensions/msal_token',
];

/** A home folder beside the project, with secrets in it. */
async function home(root: string): Promise<string> {
  const folder = join(root, '../home');
  for (const path of SECRETS_OF_HOME) await file(path, CANARY)(folder);
  return folder;
}

type Attack = readonly [
  what: string,
  make: (root: string) => Promise<void>,
  afterwards?: (root: string) => Promise<void>,
];

/** A folder that git lists files of is moved elsewhere, or away, and a link takes its place. */
const replaced =
  (target: (root: string) => Promise<string>) =>
  async (root: string): Promise<void> => {
    await rm(join(root, 'conf'), { recursive: true });
    await symlink(await target(root), join(root, 'conf'));
  };

const ATTACKS: readonly Attack[] = [
  [
    'a link to a file of the home folder',
    async (root) => symlink(join(await home(root), '.aws/credentials'), join(root, 'config')),
  ],
  [
    'a relative link to it',
    async (root) => {
      await home(root);
      await symlink('../home/.netrc', join(root, 'notes.txt'));
    },
  ],
  ['a link to a folder of it', async (root) => symlink(join(await home(root), '.aws'), join(root, 'conf'))],
  ['a link to the whole of it', async (root) => symlink(await home(root), join(root, 'data'))],
  [
    'a link to a link to it',
    async (root) => {
      await symlink(join(await home(root), '.aws'), join(root, 'far'));
      await symlink('far/credentials', join(root, 'near.txt'));
    },
  ],
  [
    'a link to a secret of the project',
    async (root) => {
      await file('.env', CANARY)(root);
      await symlink('.env', join(root, 'settings.txt'));
    },
  ],
  [
    'a link to a folder of the project with a key in it',
    async (root) => {
      await file('keys/id_rsa', CANARY)(root);
      await symlink('keys', join(root, 'data'));
    },
  ],
  [
    'a hard link to a secret of the project',
    async (root) => {
      await file('.env', CANARY)(root);
      await link(join(root, '.env'), join(root, 'settings.txt'));
    },
  ],
  [
    'a hard link to a secret that git ignores',
    async (root) => {
      await file('.gitignore', '.env\n')(root);
      await file('.env', CANARY)(root);
      await link(join(root, '.env'), join(root, 'settings.txt'));
    },
  ],
  ...SECRETS_OF_HOME.map((path): Attack => [
    `a hard link to ~/${path}`,
    async (root) => link(join(await home(root), path), join(root, 'train_config.yaml')),
  ]),
  [
    'a hard link to a file behind a link that is named like a secret',
    async (root) => {
      await file('shared', CANARY)(join(root, '../home'));
      await symlink('../home/shared', join(root, '.env'));
      await link(join(root, '../home/shared'), join(root, 'settings.txt'));
    },
  ],
  [
    'a folder in whose place a link to the home folder came',
    file('conf/credentials.py'),
    replaced(async (root) => {
      await file('.aws/credentials.py', CANARY)(await home(root));
      return join(root, '../home/.aws');
    }),
  ],
  [
    'the same, some folders above the file',
    file('conf/deep/er/token.py'),
    replaced(async (root) => {
      await file('deep/er/token.py', CANARY)(await home(root));
      return '../home';
    }),
  ],
  [
    'a file in whose place a link came',
    file('token.txt'),
    async (root) => {
      await rm(join(root, 'token.txt'));
      await symlink(join(await home(root), '.netrc'), join(root, 'token.txt'));
    },
  ],
  [
    'a secret that was renamed after git had listed it',
    file('.env', CANARY),
    (root) => rename(join(root, '.env'), join(root, '.env.old')),
  ],
];

describe.each([{ git: false }, { git: true }])('no secret leaves by (git: $git)', ({ git }) => {
  const each = ATTACKS.map(([what, make, afterwards]) => ({ what, make, afterwards }));
  test.each(each)('$what', async ({ make, afterwards }) => {
    const { text } = await sent(make, { git, ...(afterwards === undefined ? {} : { afterwards }) });
    expect(text).not.toContain(CANARY);
  });

  test('but by a pattern that names it', async () => {
    const make = async (root: string): Promise<void> => {
      await file('.env', CANARY)(root);
      await link(join(root, '.env'), join(root, 'settings.txt'));
    };
    expect(await sent(make, { git, include: ['settings.txt'] })).toMatchObject({
      files: ['settings.txt'],
      text: expect.stringContaining(CANARY),
    });
  });

  test('and a second name of what is no secret arrives', async () => {
    const make = async (root: string): Promise<void> => {
      await file('.env', CANARY)(root);
      await file('data.txt', 'data')(root);
      await link(join(root, 'data.txt'), join(root, 'same.txt'));
    };
    expect((await sent(make, { git })).files).toEqual(['data.txt', 'same.txt']);
  });
});

test('a folder in whose place a link came is named', async () => {
  const afterwards = replaced(home);
  const { notes } = await sent(file('conf/a.py'), { git: true, afterwards });
  expect(notes).toContain('what git knows below conf is left out: a link is there in place of the folder');
});

describe('secrets that git ignores', () => {
  const make = async (root: string): Promise<void> => {
    await file('.gitignore', '.env\n*.pem\nbuild/\n')(root);
    for (const path of ['.env', 'certs/a.pem', 'build/.netrc', '.venv/.env', 'id_rsa']) await file(path)(root);
  };

  test.each([{ git: false }, { git: true }])('are named to who asks (git: $git)', async ({ git }) => {
    const { notes } = await sent(make, { git, tellIgnored: true });
    expect(notes).toContain('ignored by git, and may hold secrets: .env, build/.netrc, certs/a.pem');
    expect((await sent(make, { git })).notes).toEqual([expect.stringContaining('secrets: id_rsa;')]);
  });

  test('but not where a pattern sends them', async () => {
    const { notes } = await sent(make, { git: true, tellIgnored: true, include: ['.env', '*.pem'] });
    expect(notes).toContain('ignored by git, and may hold secrets: build/.netrc');
  });
});
