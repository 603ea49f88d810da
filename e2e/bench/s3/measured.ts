import { spawn } from 'node:child_process';

export interface Command {
  readonly file: string;
  readonly args: readonly string[];
  /** The whole environment: what the machine sets for TLS or AWS would mislead some clients. */
  readonly env: Readonly<Record<string, string>>;
}

export interface Measured {
  readonly wallMs: number;
  /** User and system time of the process and all its children. */
  readonly cpuMs: number;
  readonly peakRssBytes: number;
  readonly stdout: string;
}

/** wait4 tells the same of every program, which Node's child processes do not. */
const waiter = `import json,os,sys,time
began=time.time()
pid=os.fork()
if pid==0:
  os.execvpe(sys.argv[1],sys.argv[1:],os.environ)
_,status,used=os.wait4(pid,0)
print(json.dumps([(time.time()-began)*1000,(used.ru_utime+used.ru_stime)*1000,used.ru_maxrss*1024]),file=sys.stderr)
sys.exit(os.waitstatus_to_exitcode(status) & 255)`;

/** Runs a program to its end; rejects with what it said when it fails. */
export async function measured(command: Command): Promise<Measured> {
  const child = spawn('python3', ['-c', waiter, command.file, ...command.args], {
    env: { PATH: process.env['PATH'] ?? '/usr/bin:/bin', ...command.env },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let stdout = '';
  let stderr = '';
  child.stdout.setEncoding('utf8').on('data', (text: string) => (stdout += text));
  child.stderr.setEncoding('utf8').on('data', (text: string) => (stderr += text));
  const code = await new Promise<number | null>((resolve, reject) => {
    child.once('error', reject).once('close', resolve);
  });
  if (code !== 0)
    throw new Error(`${command.file} ${command.args.join(' ')} ended with ${code}: ${stderr.slice(-2000)}`);
  const [wallMs = 0, cpuMs = 0, peakRssBytes = 0] = JSON.parse(stderr.trim().split('\n').at(-1) ?? '[]') as number[];
  return { wallMs, cpuMs, peakRssBytes, stdout };
}
