/**
 * workerd, which runs Cloudflare's workers, as miniflare brings it.
 *
 * @module
 */

import type { Platform } from "./rig.ts";

export const workerd: Platform = {
  title: "workerd",
  packages: ["miniflare@4.20260730.0"],
  ask: (project) => project.answer(project.node, ["workerd.js"]),
};
