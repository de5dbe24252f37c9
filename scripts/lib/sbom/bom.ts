/** stage0's bill of materials as CycloneDX 1.6 (ECMA-424), by CycloneDX's own library. */
import {
  ComponentScope,
  ComponentType,
  ExternalReferenceType,
  HashAlgorithm,
} from "@cyclonedx/cyclonedx-library/Enums";
import {
  Bom,
  Component,
  ExternalReference,
  ExternalReferenceRepository,
  HashDictionary,
  LicenseExpression,
  LicenseRepository,
} from "@cyclonedx/cyclonedx-library/Models";
import { JSON as Json, JsonSerializer } from "@cyclonedx/cyclonedx-library/Serialize";
import { Spec1dot6 } from "@cyclonedx/cyclonedx-library/Spec";
import { PACKAGE } from "../contract.ts";
import type { Licensed } from "./licences.ts";

/** The same crates give the same bytes: no time and no serial number is in it. */
export function bomOf(crates: readonly Licensed[]): string {
  const components = new Map(crates.map((crate) => [crate.id, componentOf(crate)]));
  for (const { id, needs } of crates) {
    const component = components.get(id);
    for (const other of needs) {
      const needed = components.get(other);
      if (needed !== undefined) component?.dependencies.add(needed.bomRef);
    }
  }
  const bom = new Bom();
  for (const { id, name } of crates) {
    const component = components.get(id);
    if (component === undefined) continue;
    if (name === PACKAGE) bom.metadata.component = component;
    else bom.components.add(component);
  }
  const text = new JsonSerializer(new Json.Normalize.Factory(Spec1dot6)).serialize(bom, { sortLists: true, space: 2 });
  return `${text}\n`;
}

function componentOf(crate: Licensed): Component {
  const { name, version, description, repository, checksum, expression } = crate;
  const url = packageUrl(crate);
  return new Component(name === PACKAGE ? ComponentType.Application : ComponentType.Library, name, {
    bomRef: url ?? (version === undefined ? name : `${name}@${version}`),
    ...(version === undefined ? {} : { version }),
    scope: crate.isInside ? ComponentScope.Required : ComponentScope.Excluded,
    licenses: new LicenseRepository([new LicenseExpression(expression)]),
    ...(description === undefined ? {} : { description: description.trim().replace(/\s+/g, " ") }),
    ...(url === undefined ? {} : { purl: url }),
    ...(checksum === undefined ? {} : { hashes: new HashDictionary([[HashAlgorithm["SHA-256"], checksum]]) }),
    ...(repository === undefined
      ? {}
      : {
          externalReferences: new ExternalReferenceRepository([
            new ExternalReference(repository, ExternalReferenceType.VCS),
          ]),
        }),
  });
}

/** Package URL (ECMA-427, type cargo) of a crate from elsewhere; undefined: it is of the workspace. */
function packageUrl({ name, version, source }: Licensed): string | undefined {
  if (source === undefined || version === undefined) return undefined;
  const [, git] = /^(git\+[^?#]+)/.exec(source) ?? [];
  const [, commit] = /#([0-9a-f]{40})$/.exec(source) ?? [];
  const place = git === undefined ? "" : `?vcs_url=${encodeURIComponent(`${git}@${commit ?? ""}`)}`;
  return `pkg:cargo/${name}@${encodeURIComponent(version)}${place}`;
}
