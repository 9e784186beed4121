#!/usr/bin/env node
// Plain JavaScript that any Node can read: finds a Node that can run Sluice, or says what is needed.
import { spawn } from "node:child_process";
import { existsSync } from "node:fs";
import { createRequire } from "node:module";
import { constants } from "node:os";
import { fileURLToPath } from "node:url";

const needed = 24;
const source = new URL("../src/main.ts", import.meta.url);
const built = new URL("../dist/main.js", import.meta.url);

if (Number(process.versions.node.split(".")[0]) >= needed) {
  // A checkout runs from its source, the installed package has only what was built.
  await import(existsSync(fileURLToPath(source)) ? source.href : built.href);
} else {
  const bundled = bundledNode();
  if (bundled === null) {
    process.stderr.write(
      `sluice needs Node ${needed} or newer, and this is ${process.version}.\n` +
        `npm brings one along for ${["linux-x64", "linux-arm64", "darwin-x64", "win-x64"].join(", ")} as an optional\n` +
        `package; there is none for ${process.platform}-${process.arch}, or it was left out.\n` +
        "Install again without --omit=optional, or install Node 24 yourself and run this again.\n",
    );
    process.exit(1);
  }
  runWith(bundled);
}

function bundledNode() {
  const platform = process.platform === "win32" ? "win" : process.platform;
  const program = process.platform === "win32" ? "bin/node.exe" : "bin/node";
  try {
    const path = createRequire(import.meta.url).resolve(`node-${platform}-${process.arch}/${program}`);
    return existsSync(path) ? path : null;
  } catch {
    return null;
  }
}

function runWith(node) {
  const child = spawn(node, [fileURLToPath(import.meta.url), ...process.argv.slice(2)], { stdio: "inherit" });
  for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"]) process.on(signal, () => child.kill(signal));
  child.on("error", (error) => {
    process.stderr.write(`sluice: ${node} cannot be started: ${error.message}\n`);
    process.exit(1);
  });
  // As a shell tells of a program that a signal ended.
  child.on("exit", (code, signal) => process.exit(code ?? 128 + (constants.signals[signal] ?? 0)));
}
