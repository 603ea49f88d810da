import { AwsError, asAwsError } from '../../model/aws-error.ts';
import { overlay } from '../../model/ec2/launch-data.ts';
import { checkLaunchData, decodeUserData, instanceTypeNamed } from '../../model/ec2/launch-spec.ts';
import type { LaunchData } from '../../model/ec2/launch-data.ts';
import type { LaunchTemplate, TemplateDocument, TemplateVersion } from '../../model/ec2/launch-templates.ts';
import type { XmlValue } from '../../wire/query-xml.ts';
import { isVisible, proceed, tagSet, tagSpecifications } from './action.ts';
import type { Action, Answer, Ec2Call } from './action.ts';
import { checkFilters, filtered, paged, tagFilter } from './filters.ts';
import { launchDataOf } from './launch-parameters.ts';
import type { Parameters } from '../../wire/query-parameters.ts';

/** d.ts DescribeLaunchTemplatesRequest.MaxResults. */
const templatePage = { least: 1, most: 200 };

export const launchTemplateActions: Readonly<Record<string, Action>> = {
  CreateLaunchTemplate: (call) => {
    const name = call.parameters.required('LaunchTemplateName');
    const { data, document } = templateData(call.parameters);
    const tags = tagSpecifications(call.parameters, ['launch-template']).get('launch-template');
    return call.idempotency.once(call, () => {
      call.compute.templates.checkName(name);
      proceed(call);
      const template = call.compute.templates.create(name, new Map(tags), {
        data,
        document,
        createdBy: call.principal.arn,
        description: call.parameters.text('VersionDescription') ?? null,
      });
      return () => ({ launchTemplate: templateView(template), warning: warningOf(call, data) });
    });
  },

  CreateLaunchTemplateVersion: (call) => {
    const template = call.compute.templates.find(reference(call.parameters));
    const { data, document } = templateData(call.parameters);
    const sourceNumber = call.parameters.text('SourceVersion');
    const source = sourceNumber === undefined ? null : call.compute.templates.version(template, sourceNumber);
    return call.idempotency.once(call, () => {
      proceed(call);
      const version = call.compute.templates.addVersion(template, {
        data: source === null ? data : overlay(source.data, data),
        document: { ...source?.document, ...document },
        createdBy: call.principal.arn,
        description: call.parameters.text('VersionDescription') ?? null,
      });
      return () => ({ launchTemplateVersion: versionView(template, version), warning: warningOf(call, version.data) });
    });
  },

  DescribeLaunchTemplates: ({ parameters, compute }) => {
    checkFilters(parameters, ['launch-template-name', 'create-time']);
    const ids = parameters.texts('LaunchTemplateId').map((id) => compute.templates.find({ id }));
    const names = parameters.texts('LaunchTemplateName').map((name) => compute.templates.find({ name }));
    const chosen = [...ids, ...names];
    const visible = (chosen.length > 0 ? chosen : compute.templates.list()).filter((template) =>
      isVisible(compute, template.createdAtMs),
    );
    const { items, nextToken } = paged(parameters, filtered(parameters, visible, templateFilter), templatePage);
    return { launchTemplates: items.map(templateView), nextToken };
  },

  DescribeLaunchTemplateVersions: ({ parameters, compute }) => {
    const template = compute.templates.find(reference(parameters));
    const asked = parameters.texts('LaunchTemplateVersion').map((text) => compute.templates.version(template, text));
    const all = asked.length > 0 ? asked : [...template.versions.values()].reverse();
    const least = parameters.integer('MinVersion') ?? 0;
    const most = parameters.integer('MaxVersion') ?? Number.MAX_SAFE_INTEGER;
    const chosen = all.filter((version) => version.number >= least && version.number <= most);
    const { items, nextToken } = paged(parameters, chosen, templatePage);
    return { launchTemplateVersionSet: items.map((version) => versionView(template, version)), nextToken };
  },

  DeleteLaunchTemplate: (call) => {
    const template = call.compute.templates.find(reference(call.parameters));
    proceed(call);
    call.compute.templates.delete(template);
    return { launchTemplate: templateView(template) };
  },

  DeleteLaunchTemplateVersions: (call) => {
    const template = call.compute.templates.find(reference(call.parameters));
    proceed(call);
    const outcomes = call.parameters.texts('LaunchTemplateVersion').map((text) => deleteVersion(call, template, text));
    return {
      successfullyDeletedLaunchTemplateVersionSet: outcomes.flatMap(({ deleted }) => (deleted ? [deleted] : [])),
      unsuccessfullyDeletedLaunchTemplateVersionSet: outcomes.flatMap(({ failed }) => (failed ? [failed] : [])),
    };
  },
};

function deleteVersion(call: Ec2Call, template: LaunchTemplate, text: string): { deleted?: Answer; failed?: Answer } {
  const named = { launchTemplateId: template.id, launchTemplateName: template.name, versionNumber: text };
  try {
    const version = call.compute.templates.version(template, text);
    if (version.number === template.defaultVersion)
      throw new AwsError('unexpectedError', 'The default version of a launch template can not be deleted.');
    template.versions.delete(version.number);
    return { deleted: { ...named, versionNumber: version.number } };
  } catch (error) {
    const { code, message } = asAwsError(error);
    const known = code === 'unexpectedError' ? code : 'launchTemplateVersionDoesNotExist';
    return { failed: { ...named, responseError: { code: known, message } } };
  }
}

function reference(parameters: Parameters) {
  return { id: parameters.text('LaunchTemplateId'), name: parameters.text('LaunchTemplateName') };
}

function templateData(parameters: Parameters): { data: LaunchData; document: TemplateDocument } {
  if (!parameters.has('LaunchTemplateData'))
    throw new AwsError('MissingParameter', 'The request must contain the parameter LaunchTemplateData');
  const source = parameters.structure('LaunchTemplateData');
  const data = launchDataOf(source);
  decodeUserData(data.userData);
  return { data, document: echo(source.toPlain()) };
}

/** Warns of wrong data in a template. EC2 takes such a template, warns, and refuses its launches (d.ts `Warning`). */
function warningOf({ compute }: Ec2Call, data: LaunchData): XmlValue {
  const checks: ReadonlyArray<() => void> = [
    () => {
      if (data.instanceType !== undefined) instanceTypeNamed(data.instanceType);
    },
    () => {
      if (data.imageId !== undefined) checkLaunchData(data, compute.launcher.known);
    },
  ];
  const errors = checks.flatMap((check) => {
    try {
      check();
      return [];
    } catch (error) {
      const { code, message } = asAwsError(error);
      return [{ code, message }];
    }
  });
  return errors.length === 0 ? undefined : { errorSet: errors };
}

/** Request names become answer names: `BlockDeviceMapping.1` is `blockDeviceMappingSet/item`. */
function echo(source: Record<string, unknown>): TemplateDocument {
  return Object.fromEntries(
    Object.entries(source).map(([name, value]) => {
      const shown = name.charAt(0).toLowerCase() + name.slice(1);
      return Array.isArray(value) ? [`${shown}Set`, value.map(echoValue)] : [shown, echoValue(value)];
    }),
  );
}

function echoValue(value: unknown): unknown {
  return typeof value === 'object' && value !== null ? echo(value as Record<string, unknown>) : value;
}

function templateFilter(template: LaunchTemplate) {
  return (name: string) => {
    if (name === 'launch-template-name') return [template.name];
    if (name === 'create-time') return [new Date(template.createdAtMs).toISOString()];
    return tagFilter(name, template.tags);
  };
}

function templateView(template: LaunchTemplate): XmlValue {
  return {
    launchTemplateId: template.id,
    launchTemplateName: template.name,
    createTime: new Date(template.createdAtMs),
    createdBy: template.createdBy,
    defaultVersionNumber: template.defaultVersion,
    latestVersionNumber: template.latestVersion,
    tagSet: tagSet(template.tags),
  };
}

function versionView(template: LaunchTemplate, version: TemplateVersion): XmlValue {
  return {
    launchTemplateId: template.id,
    launchTemplateName: template.name,
    versionNumber: version.number,
    versionDescription: version.description,
    createTime: new Date(version.createdAtMs),
    createdBy: version.createdBy,
    defaultVersion: version.number === template.defaultVersion,
    launchTemplateData: version.document as XmlValue,
  };
}
