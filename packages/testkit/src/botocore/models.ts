import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';

const run = promisify(execFile);
const checker = fileURLToPath(new URL('check_exchanges.py', import.meta.url));

/** Something that was sent or answered and that AWS's own model does not have. */
export interface ModelFinding {
  readonly service: string;
  readonly operation: string;
  readonly where: 'request' | 'answer';
  readonly problem: string;
  readonly times: number;
}

export interface ModelReport {
  /** The version whose models were asked. */
  readonly botocore: string;
  /** `ec2:DescribeFleets` → how many exchanges of it were checked. */
  readonly checked: Readonly<Record<string, number>>;
  readonly findings: readonly ModelFinding[];
}

/** What AWS answers although its model says otherwise: such findings are none. */
interface KnownUntruth {
  readonly service: string;
  readonly operation: string;
  readonly problem: RegExp;
  readonly source: string;
}

export const knownUntruths: readonly KnownUntruth[] = [
  {
    service: 'ec2',
    operation: 'DescribeFleetHistory',
    problem:
      /^FleetEventType is '(error|information|fleetRequestChange|instanceChange|spotInstanceRequestChange)', which is none of its values$/,
    source:
      'the model lists instance-change, fleet-change and service-error; the EC2 user guide, "Fleet event types", has error, ' +
      "information, fleetRequestChange, instanceChange and spotInstanceRequestChange, and so has the AWS CLI's own example",
  },
  {
    service: 'ssm',
    operation: 'GetCommandInvocation',
    problem:
      /^Invalid length for parameter CloudWatchOutputConfig\.CloudWatchLogGroupName, value: 0, valid min length: 1$/,
    source: "the AWS CLI's own examples (send-command, list-commands) show an empty name where no group was asked for",
  },
];

/** Why botocore's models cannot be asked; null where they can. `python`: of an environment with today's botocore. */
export async function missingModels(python: string | undefined): Promise<string | null> {
  const hint = 'set RUNCTL_BOTO3_PYTHON to the python of a virtual environment that has it (see .ci/run)';
  if (python === undefined) return `no current botocore: ${hint}`;
  return run(python, ['-c', 'import botocore']).then(
    () => null,
    () => `no botocore in ${python}: ${hint}`,
  );
}

/** Holds a file of recorded exchanges (packages/sandbox/FAKES.md, "Recording") against botocore's models. */
export async function checkAgainstModels(python: string, file: string): Promise<ModelReport> {
  const { stdout } = await run(python, ['-B', checker, file], { maxBuffer: 64 * 1024 * 1024 });
  const report = JSON.parse(stdout) as ModelReport;
  return {
    ...report,
    findings: report.findings.filter((finding) => !knownUntruths.some((known) => isOf(finding, known))),
  };
}

function isOf(finding: ModelFinding, known: KnownUntruth): boolean {
  const { service, operation, problem } = finding;
  return service === known.service && operation === known.operation && known.problem.test(problem);
}
