import { describeProvider } from '../conformance.ts';
import { awsUnderTest } from './testing/aws-under-test.ts';

describeProvider('AWS on the local cloud', awsUnderTest);
