// Sizes of files and functions and numbers of parameters, as oxlint counts them by sizes.json.
import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const oxlint = fileURLToPath(new URL('../../node_modules/.bin/oxlint', import.meta.url));
const config = fileURLToPath(new URL('./sizes.json', import.meta.url));
const INSTEAD = {
  'max-lines': 'it holds two ideas: find the second one’s name and give it a file',
  'max-lines-per-function': 'name its steps and give each a function',
  'max-params': 'take an options object',
};

/** @param {import('./source-tree.mjs').SourceTree} tree */
export async function sizes({ root, members }) {
  const folders = [...members, 'e2e', '.dev'].filter((folder) => existsSync(join(root, folder)));
  const { diagnostics } = JSON.parse(await lint(root, ['-c', config, '-f', 'json', ...folders]));
  return diagnostics.map(({ code, message, filename, labels }) => {
    const rule = /\(([\w-]+)\)/.exec(code)?.[1] ?? code;
    const name = rule === 'max-lines' ? '' : `: ${/[`']([^`']+)[`']/.exec(message)?.[1] ?? 'unnamed'}`;
    const where = `${filename}:${labels[0]?.span.line ?? 1}`;
    return { rule, place: `${filename}${name}`, message: `${where} ${message} ${INSTEAD[rule] ?? ''}`.trim() };
  });
}

function lint(root, args) {
  return new Promise((resolve, reject) => {
    execFile(oxlint, args, { cwd: root, maxBuffer: 64 << 20 }, (error, stdout, stderr) => {
      // 1 says that there are findings; they are in the answer.
      if (error && error.code !== 1) reject(new Error(`oxlint failed in ${join(root)}: ${stderr || error.message}`));
      else resolve(stdout);
    });
  });
}
