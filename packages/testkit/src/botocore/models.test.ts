import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { temporaryFolder } from '../temporary-folder.ts';
import { checkAgainstModels, knownUntruths, missingModels } from './models.ts';

const python = process.env['RUNCTL_BOTO3_PYTHON'];
const json = { 'content-type': 'application/x-amz-json-1.1' };

/** A call of EC2 with a form, and its answer's elements. */
function ec2(form: string, elements = '', status = 200) {
  const [, action = ''] = /Action=(\w+)/.exec(form) ?? [];
  const body =
    status === 200 ? `<${action}Response xmlns="x"><requestId>1</requestId>${elements}</${action}Response>` : elements;
  return exchange('ec2', { body: form, answer: { status, headers: { 'content-type': 'text/xml' }, body } });
}

function ssm(target: string, asked: unknown, answered: unknown, status = 200) {
  return exchange('ssm', {
    headers: { 'x-amz-target': target, ...json },
    body: JSON.stringify(asked),
    answer: { status, headers: json, body: JSON.stringify(answered) },
  });
}

function s3(method: string, url: string, more: Record<string, unknown> = {}, answer: Record<string, unknown> = {}) {
  return exchange('s3', { method, url, ...more, answer: { status: 200, headers: {}, body: null, ...answer } });
}

function exchange(service: string, more: Record<string, unknown>) {
  return { service, method: 'POST', url: '/', headers: {}, body: null, answer: null, ...more };
}

const VERSION = 'Version=2016-11-15';
const parts = (inner: string) =>
  s3('POST', '/b/k?uploadId=u', { body: `<CompleteMultipartUpload>${inner}</CompleteMultipartUpload>` });

const right = {
  'ec2:DescribeFleets': ec2(
    `Action=DescribeFleets&FleetId.1=fleet-1&DryRun=false&${VERSION}`,
    '<fleetSet><item><fleetState>active</fleetState></item></fleetSet>',
  ),
  'ec2:DescribeInstances': ec2(
    `Action=DescribeInstances&Filter.1.Name=a&Filter.1.Value.1=b&Filter.1.Value.2=c&${VERSION}`,
    '<reservationSet/>',
  ),
  'ec2:CreateTags': ec2(
    `Action=CreateTags&${VERSION}&ResourceId.1=i-1&Tag.1.Key=k&Tag.1.Value=v`,
    '<Response><Errors><Error><Code>InvalidID</Code><Message>no</Message></Error></Errors><RequestID>1</RequestID></Response>',
    400,
  ),
  'ssm:GetParameter': ssm(
    'AmazonSSM.GetParameter',
    { Name: '/a' },
    { Parameter: { Name: '/a', LastModifiedDate: 1.5 } },
  ),
  's3:PutObject': s3(
    'PUT',
    '/b/a/key?x-id=PutObject',
    { headers: { 'if-none-match': '*', 'x-amz-checksum-crc32': 'AAAAAA==' } },
    { headers: { etag: '"e"' } },
  ),
  's3:UploadPart': s3('PUT', '/b/a/key?partNumber=1&uploadId=u', {}, { headers: { 'x-amz-request-id': '1' } }),
  's3:CopyObject': s3(
    'PUT',
    '/b/a',
    { headers: { 'x-amz-copy-source': '/b/c' } },
    { body: '<CopyObjectResult><ETag>"e"</ETag></CopyObjectResult>' },
  ),
  's3:ListObjectsV2': s3(
    'GET',
    '/b?list-type=2&prefix=runs%2F',
    {},
    { body: '<ListBucketResult><Contents><Key>k</Key><Size>3</Size></Contents></ListBucketResult>' },
  ),
  's3:CompleteMultipartUpload': parts('<Part><PartNumber>1</PartNumber><ETag>"e"</ETag></Part>'),
  's3:PutBucketLifecycleConfiguration': s3('PUT', '/b?lifecycle', {
    body: '<LifecycleConfiguration><Rule><Filter><Prefix/></Filter><Status>Enabled</Status></Rule></LifecycleConfiguration>',
  }),
  's3:HeadObject': s3('HEAD', '/b/k', {}, { status: 404 }),
};

const wrong: ReadonlyArray<readonly [what: string, exchange: unknown, problem: RegExp]> = [
  ['a parameter that is none', ec2(`Action=DescribeFleets&FleetIds.1=f&${VERSION}`), /Unknown parameter.*FleetIds/],
  ['a list with a number left out', ec2(`Action=DescribeFleets&FleetId.2=f&${VERSION}`), /numbered 2/],
  [
    'a list as another protocol writes it',
    ec2(`Action=DescribeFleets&FleetId.member.1=f&${VERSION}`),
    /numbered member/,
  ],
  [
    'a required parameter that is missing',
    ec2(`Action=DeleteFleets&FleetId.1=f&${VERSION}`),
    /Missing required.*TerminateInstances/,
  ],
  ['a boolean of Python', ec2(`Action=DescribeFleets&DryRun=True&${VERSION}`), /'True', no boolean/],
  ['a text for a number', ec2(`Action=DescribeFleets&MaxResults=many&${VERSION}`), /invalid literal/],
  [
    'a value that a list does not have',
    ec2(
      `Action=CreateFleet&Type=keep&TargetCapacitySpecification.TotalTargetCapacity=1&LaunchTemplateConfigs.1.LaunchTemplateSpecification.Version=1&${VERSION}`,
    ),
    /FleetType is 'keep'/,
  ],
  ['another version of the API', ec2('Action=DescribeFleets&Version=2015-10-01'), /Version is '2015-10-01'/],
  ['an operation that is none', ec2(`Action=DescribeFleet&${VERSION}`), /no operation DescribeFleet/],
  ['an element that is none', ec2(`Action=DescribeFleets&${VERSION}`, '<fleets/>'), /no member fleets/],
  [
    'an element deep inside',
    ec2(
      `Action=DescribeFleets&${VERSION}`,
      '<fleetSet><item><spotOptions><strategy>x</strategy></spotOptions></item></fleetSet>',
    ),
    /SpotOptions has no member strategy/,
  ],
  [
    'a list whose items are no items',
    ec2(`Action=DescribeFleets&${VERSION}`, '<fleetSet><member/></fleetSet>'),
    /called member, not item/,
  ],
  [
    'a state that is none',
    ec2(`Action=DescribeFleets&${VERSION}`, '<fleetSet><item><fleetState>gone</fleetState></item></fleetSet>'),
    /FleetStateCode is 'gone'/,
  ],
  [
    'an answer that is no XML',
    exchange('ec2', { body: `Action=DescribeFleets&${VERSION}`, answer: { status: 200, headers: {}, body: 'oops' } }),
    /Unable to parse/,
  ],
  [
    'an error without a code',
    ec2(
      `Action=DescribeFleets&${VERSION}`,
      '<Response><Errors><Error><Message>no</Message></Error></Errors></Response>',
      400,
    ),
    /without a code/,
  ],
  [
    'an unknown member in JSON',
    ssm('AmazonSSM.GetParameter', { Name: '/a', Path: '/' }, {}),
    /Unknown parameter.*Path/,
  ],
  [
    'an unknown member in a JSON answer',
    ssm('AmazonSSM.GetParameter', { Name: '/a' }, { Parameter: { Key: '/a' } }),
    /no member Key/,
  ],
  [
    'a time as text',
    ssm('AmazonSSM.GetParameter', { Name: '/a' }, { Parameter: { LastModifiedDate: '2026-01-01T00:00:00Z' } }),
    /no number of seconds/,
  ],
  [
    'a number where a text stands',
    ssm('AmazonSSM.GetParameter', { Name: '/a' }, { Parameter: { Value: 3 } }),
    /Invalid type.*Value/,
  ],
  [
    'an error of another operation',
    ssm('AmazonSSM.GetParameter', { Name: '/a' }, { __type: 'InvalidPluginName', message: '' }, 400),
    /not among its errors/,
  ],
  ['another service in the target', ssm('AmazonSSMx.GetParameter', { Name: '/a' }, {}), /has the prefix/],
  ['a query parameter that is none', s3('GET', '/b?list-type=2&after=x'), /no parameter after/],
  [
    'a condition that an operation lacks',
    s3('POST', '/b/k?uploads', { headers: { 'if-none-match': '*' } }),
    /no parameter if-none-match/,
  ],
  [
    'a header that is none',
    s3('PUT', '/b/k', { headers: { 'x-amz-checksum-crc33': 'x' } }),
    /no parameter x-amz-checksum-crc33/,
  ],
  ['an x-id of something else', s3('PUT', '/b/k?x-id=UploadPart'), /x-id names another/],
  ['a part without its number', parts('<Part><Number>1</Number></Part>'), /no member Number/],
  [
    'a body of another name',
    s3('POST', '/b?delete', { body: '<Remove><Object><Key>k</Key></Object></Remove>' }),
    /the body is a Remove/,
  ],
  ['a header that no answer has', s3('HEAD', '/b/k', {}, { headers: { 'x-amz-size': '3' } }), /no header x-amz-size/],
  [
    'a size that is no number',
    s3(
      'GET',
      '/b?list-type=2',
      {},
      { body: '<ListBucketResult><Contents><Size>big</Size></Contents></ListBucketResult>' },
    ),
    /invalid literal/,
  ],
  ['a service of another protocol', exchange('scheduler', { url: '/schedules' }), /cannot be checked/],
];

async function reported(exchanges: readonly unknown[]) {
  await using folder = await temporaryFolder();
  const file = join(folder.path, 'exchanges.ndjson');
  await writeFile(file, exchanges.map((each) => `${JSON.stringify(each)}\n`).join(''));
  return await checkAgainstModels(String(python), file);
}

test('what AWS takes and answers is found right, as the operation that it is', async (context) => {
  const missing = await missingModels(python);
  if (missing !== null) context.skip(missing);
  const report = await reported(Object.values(right));
  expect(report.findings).toEqual([]);
  expect(report.checked).toEqual(Object.fromEntries(Object.keys(right).map((name) => [name, 1])));
});

test('each thing that no model has is found', async (context) => {
  const missing = await missingModels(python);
  if (missing !== null) context.skip(missing);
  // One line each keeps the order, and one start of Python for all.
  const report = await reported(wrong.map(([, each]) => each));
  const problems = report.findings.map(({ problem }) => problem.replaceAll('\n', ' '));
  const unseen = wrong.filter(([, , problem]) => !problems.some((each) => problem.test(each))).map(([what]) => what);
  expect(unseen, problems.join('\n')).toEqual([]);
  expect(problems.length).toBeGreaterThanOrEqual(wrong.length);
});

test('a known untruth of a model is none, and nothing beside it is', async (context) => {
  const missing = await missingModels(python);
  if (missing !== null) context.skip(missing);
  const history = (record: string) =>
    ec2(
      `Action=DescribeFleetHistory&FleetId=f&StartTime=2026-01-01T00%3A00%3A00Z&${VERSION}`,
      `<historyRecordSet><item>${record}</item></historyRecordSet>`,
    );
  expect((await reported([history('<eventType>information</eventType>')])).findings).toEqual([]);
  expect((await reported([history('<eventType>informations</eventType>')])).findings).toHaveLength(1);
  const { findings } = await reported([history('<eventType>information</eventType><kind>x</kind>')]);
  expect(findings).toMatchObject([{ problem: expect.stringContaining('no member kind') as string }]);
  for (const { source } of knownUntruths) expect(source).not.toBe('');
});
