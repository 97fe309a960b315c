/**
 * Loads the tests' helpers, who alone may have `setImmediate` here.
 *
 * @module
 */

import "../../tests/support/helpers.ts";
import { withdrawImmediates } from "./globals.ts";

withdrawImmediates();
