import { AwsError } from '../aws-error.ts';
import type { LaunchData } from './launch-data.ts';
import { newResourceId } from './resource-ids.ts';
import type { Tags } from './tags.ts';

/** The request's own fields, for the answer that describes the version. The model keeps them and never looks inside. */
export type TemplateDocument = Readonly<Record<string, unknown>>;

export interface TemplateVersion {
  readonly number: number;
  readonly description: string | null;
  readonly createdAtMs: number;
  readonly createdBy: string;
  readonly data: LaunchData;
  readonly document: TemplateDocument;
}

export interface LaunchTemplate {
  readonly id: string;
  readonly name: string;
  readonly createdAtMs: number;
  readonly createdBy: string;
  readonly tags: Tags;
  readonly versions: Map<number, TemplateVersion>;
  latestVersion: number;
  defaultVersion: number;
}

export interface TemplateReference {
  readonly id?: string | undefined;
  readonly name?: string | undefined;
}

export interface NewVersion {
  readonly description: string | null;
  readonly createdBy: string;
  readonly data: LaunchData;
  readonly document: TemplateDocument;
}

/** The account's launch templates. Versions are immutable and their numbers are never used again. */
export class LaunchTemplates {
  readonly #templates = new Map<string, LaunchTemplate>();
  readonly #nowMs: () => number;

  constructor(nowMs: () => number) {
    this.#nowMs = nowMs;
  }

  list(): readonly LaunchTemplate[] {
    return [...this.#templates.values()];
  }

  checkName(name: string): void {
    if (!/^[A-Za-z0-9().\-/_]{3,128}$/.test(name)) {
      throw new AwsError(
        'InvalidLaunchTemplateName.MalformedException',
        `The specified launch template name, ${name}, is invalid.`,
      );
    }
    if (this.list().some((template) => template.name === name)) {
      throw new AwsError(
        'InvalidLaunchTemplateName.AlreadyExistsException',
        `Launch template name already in use: ${name}`,
      );
    }
  }

  create(name: string, tags: Tags, first: NewVersion): LaunchTemplate {
    this.checkName(name);
    const createdAtMs = this.#nowMs();
    const template: LaunchTemplate = {
      id: newResourceId('lt'),
      name,
      createdAtMs,
      createdBy: first.createdBy,
      tags,
      versions: new Map([[1, { ...first, number: 1, createdAtMs }]]),
      latestVersion: 1,
      defaultVersion: 1,
    };
    this.#templates.set(template.id, template);
    return template;
  }

  addVersion(template: LaunchTemplate, version: NewVersion): TemplateVersion {
    const added = { ...version, number: template.latestVersion + 1, createdAtMs: this.#nowMs() };
    template.versions.set(added.number, added);
    template.latestVersion = added.number;
    return added;
  }

  find(reference: TemplateReference): LaunchTemplate {
    if (reference.id !== undefined && reference.name !== undefined) {
      throw new AwsError(
        'InvalidParameterCombination',
        'You can specify either the launch template ID or the launch template name, but not both.',
      );
    }
    if (reference.id !== undefined) {
      if (!/^lt-[0-9a-f]{8,17}$/.test(reference.id)) {
        throw new AwsError(
          'InvalidLaunchTemplateId.Malformed',
          `The launch template ID '${reference.id}' is not valid`,
        );
      }
      const template = this.#templates.get(reference.id);
      if (template !== undefined) return template;
      throw new AwsError(
        'InvalidLaunchTemplateId.NotFound',
        `The specified launch template, with template ID ${reference.id}, does not exist.`,
      );
    }
    if (reference.name === undefined)
      throw new AwsError('MissingParameter', 'Either the launch template ID or name must be specified');
    const named = this.list().find((template) => template.name === reference.name);
    if (named !== undefined) return named;
    throw new AwsError(
      'InvalidLaunchTemplateName.NotFoundException',
      `The specified launch template, with template name ${reference.name}, does not exist.`,
    );
  }

  /** `version` is a number, `$Latest` or `$Default`. */
  version(template: LaunchTemplate, version: string): TemplateVersion {
    const number =
      version === '$Latest'
        ? template.latestVersion
        : version === '$Default'
          ? template.defaultVersion
          : Number(version);
    const found = template.versions.get(number);
    if (found !== undefined) return found;
    throw new AwsError(
      'InvalidLaunchTemplateId.VersionNotFound',
      `Could not find the specified version ${version} for the launch template with ID ${template.id}.`,
    );
  }

  delete(template: LaunchTemplate): void {
    this.#templates.delete(template.id);
  }
}
