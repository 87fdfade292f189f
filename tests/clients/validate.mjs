// What the generated validators make of answers.json (operation → answer): the values they lose, and the money they
// accept though it is none. Both by path, such as "bills.0.amount_fen".
import { readFileSync } from "node:fs";
import * as validators from "./validators/zod.gen.ts";

const NO_MONEY = ["31862", 318.62];

/** The paths of all values that hold no others. */
function paths(value, path = []) {
  const parts = value === null || typeof value !== "object" ? [] : Object.entries(value);
  return parts.length === 0 ? [path] : parts.flatMap(([name, part]) => paths(part, [...path, name]));
}

function valueAt(document, path) {
  return path.reduce((part, name) => part?.[name], document);
}

function changed(document, path, value) {
  const copy = structuredClone(document);
  valueAt(copy, path.slice(0, -1))[path.at(-1)] = value;
  return copy;
}

function findings(operation, answer) {
  const validator = validators[`z${operation[0].toUpperCase()}${operation.slice(1)}Response`];
  const parsed = validator.parse(answer);
  const same = (path) => JSON.stringify(valueAt(parsed, path)) === JSON.stringify(valueAt(answer, path));
  const accepts = (path) => NO_MONEY.some((value) => validator.safeParse(changed(answer, path, value)).success);
  const all = paths(answer);
  const money = all.filter((path) => path.at(-1).endsWith("_fen"));
  const written = (some) => some.map((path) => path.join("."));
  return {
    values: all.length,
    money: money.length,
    lost: written(all.filter((path) => !same(path))),
    accepted: written(money.filter(accepts)),
  };
}

const answers = Object.entries(JSON.parse(readFileSync("answers.json", "utf8")));
console.log(JSON.stringify(Object.fromEntries(answers.map(([name, answer]) => [name, findings(name, answer)]))));
