import type { ServerResponse } from 'node:http';
import { randomUUID } from 'node:crypto';
import type { SignatureError, SignatureFault } from '../wire/signature-error.ts';

interface Refusal {
  readonly code: string;
  readonly status: number;
}

/** The code of the query services (STS; EC2 where it has none of its own) for a signature's fault. */
function queryRefusal(fault: SignatureFault): Refusal {
  if (fault === 'token-expired') return { code: 'ExpiredToken', status: 403 };
  if (fault === 'unknown-key' || fault === 'token-invalid') return { code: 'InvalidClientTokenId', status: 403 };
  if (fault === 'missing') return { code: 'MissingAuthenticationToken', status: 403 };
  if (fault === 'malformed' || fault === 'unsupported') return { code: 'IncompleteSignature', status: 400 };
  return { code: 'SignatureDoesNotMatch', status: 403 };
}

/** EC2's own words ("Error codes for the Amazon EC2 API": AuthFailure, RequestExpired). */
function ec2Refusal(fault: SignatureFault): Refusal {
  if (fault === 'token-expired' || fault === 'skewed') return { code: 'RequestExpired', status: 400 };
  if (fault === 'missing') return { code: 'MissingAuthenticationToken', status: 403 };
  return { code: 'AuthFailure', status: 401 };
}

/** The JSON services' words ("Common errors" of their API references). */
function jsonRefusal(fault: SignatureFault): Refusal {
  if (fault === 'token-expired') return { code: 'ExpiredTokenException', status: 400 };
  if (fault === 'unknown-key' || fault === 'token-invalid') return { code: 'UnrecognizedClientException', status: 400 };
  if (fault === 'missing') return { code: 'MissingAuthenticationTokenException', status: 400 };
  return { code: 'InvalidSignatureException', status: 400 };
}

const namespaces = {
  iam: 'https://iam.amazonaws.com/doc/2010-05-08/',
  sts: 'https://sts.amazonaws.com/doc/2011-06-15/',
} as const;

const escape = (text: string) => text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;');

/** Answers a request whose signature was refused in the words and the form of its service. */
export function refuse(response: ServerResponse, service: string, error: SignatureError): void {
  const requestId = randomUUID();
  const message = escape(error.message);
  if (service === 'ec2') {
    const { code, status } = ec2Refusal(error.fault);
    const body = `<?xml version="1.0" encoding="UTF-8"?>\n<Response><Errors><Error><Code>${code}</Code><Message>${message}</Message></Error></Errors><RequestID>${requestId}</RequestID></Response>`;
    response.writeHead(status, { 'content-type': 'text/xml;charset=UTF-8', 'x-amzn-requestid': requestId }).end(body);
    return;
  }
  if (service === 'sts' || service === 'iam') {
    const { code, status } = queryRefusal(error.fault);
    const body = `<ErrorResponse xmlns="${namespaces[service]}"><Error><Type>Sender</Type><Code>${code}</Code><Message>${message}</Message></Error><RequestId>${requestId}</RequestId></ErrorResponse>`;
    response.writeHead(status, { 'content-type': 'text/xml', 'x-amzn-requestid': requestId }).end(body);
    return;
  }
  const { code, status } = jsonRefusal(error.fault);
  response
    .writeHead(status, { 'content-type': 'application/x-amz-json-1.1', 'x-amzn-requestid': requestId })
    .end(JSON.stringify({ __type: code, message: error.message }));
}
