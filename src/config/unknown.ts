/** What somebody wrote that is no setting, and which they most likely meant. */
import { nearest } from "../spelling.ts";
import { renamable } from "./groups/kafka.ts";
import { named, type Origins, type Problem } from "./problem.ts";
import { settingRows } from "./setting-rows.ts";
import { nodeFields } from "./settings.ts";

const list = "take it away (sluice config --table lists all)";

/** In the file. @param value what stands there: a setting, or a group */
export function unknownSetting(path: readonly string[], value: unknown, origins: Origins): Problem {
  const key = path.join(".");
  const fields = fieldsIn(value);
  const at = named(key, origins);
  const [group, node, ...rest] = path;
  if (group === "nodes" && rest.length > 0 && fields.length > 0) {
    const name = [node, ...rest].join(".");
    const text = `${at}: no such setting; a node whose name has dots stands in quotes: [nodes."${name}"]`;
    return { text, keys: [key] };
  }
  const known =
    group === "nodes"
      ? [...nodeFields, "authFile"].map((field) => `nodes.${node}.${field}`)
      : [...fileKeys, ...topicKeys];
  const meant = fields.length === 0 ? meantBy(key, known) : groupMeantBy(key, fields, known);
  const what = fields.length === 0 ? "no such setting" : "no such group of settings";
  return {
    text: `${at}: ${what}; ${meant === null ? list : `did you mean ${meant}?`}`,
    keys: [key, ...asKeys(meant)],
  };
}

/** In the environment. */
export function unknownVariable(name: string): Problem {
  if (name.startsWith("SLUICE_NODES_")) {
    return {
      text: `${name}: no such variable; nodes stand in the settings file alone: [nodes.<name>]`,
      keys: [],
    };
  }
  const plain = settingRows.find((row) => `${row.env}_FILE` === name);
  if (plain !== undefined) {
    const text = `${name}: only secrets can come from a file; set ${plain.env} itself`;
    return { text, keys: [plain.key] };
  }
  const names = settingRows.flatMap((row) => (row.secret ? [row.env, `${row.env}_FILE`] : [row.env]));
  const meant = nearest(name, names);
  const text = `${name}: no such variable; ${meant === null ? list : `did you mean ${meant}?`}`;
  return {
    text,
    keys: settingRows.filter((row) => meant === row.env || meant === `${row.env}_FILE`).map((row) => row.key),
  };
}

const fileKeys = settingRows.flatMap((row) => (row.secret ? [row.key, `${row.key}File`] : [row.key]));
const topicKeys = renamable.map((name) => `kafka.topics.${name}`);

/** The nearest one, or those that have this name in another group. */
function meantBy(key: string, known: readonly string[]): string | null {
  const near = nearest(key, known);
  if (near !== null) return near;
  const name = key.split(".").at(-1);
  const elsewhere = known.filter((one) => one.split(".").at(-1) === name);
  return elsewhere.length === 0 || elsewhere.length > mostNamed ? null : elsewhere.join(" or ");
}

const mostNamed = 3;

function groupMeantBy(key: string, fields: readonly string[], known: readonly string[]): string | null {
  for (const field of fields) {
    const near = nearest(`${key}.${field}`, known);
    if (near?.endsWith(`.${field}`)) return `[${near.slice(0, -field.length - 1)}]`;
  }
  const groups = [...new Set(known.map((one) => one.split(".").slice(0, -1).join(".")))];
  const near = nearest(key, groups);
  return near === null ? null : `[${near}]`;
}

/** What is missing since it was written under another name. */
function asKeys(meant: string | null): string[] {
  return meant === null
    ? []
    : meant.split(" or ").map((one) => one.replace(/^\[(.*)\]$/, "$1").replace(/File$/, ""));
}

/** Of a group. */
function fieldsIn(value: unknown): string[] {
  return typeof value === "object" && value !== null && !Array.isArray(value) ? Object.keys(value) : [];
}
