// deno-coverage-ignore-file

/**
 * All ways to change one operator, condition, statement or constant of a file.
 *
 * @module
 */

import ts from "npm:typescript@5.9.3";

/** One change. */
export interface Mutant {
  readonly file: string;
  readonly start: number;
  readonly end: number;
  /** What is put in its place. */
  readonly text: string;
  readonly line: number;
  /** The line that is changed, without its indent. */
  readonly code: string;
  /** The function that it is in, or the class: `Class.method`. */
  readonly where: string;
  /** What was there, and what is there now. */
  readonly change: string;
  /** Which one it is of those there that read the same, from 1. */
  readonly nth: number;
}

const { SyntaxKind } = ts;

/** What is put in place of an operator. */
const operators: Partial<Record<ts.SyntaxKind, string[]>> = {
  [SyntaxKind.PlusToken]: ["-"],
  [SyntaxKind.MinusToken]: ["+"],
  [SyntaxKind.AsteriskToken]: ["/"],
  [SyntaxKind.SlashToken]: ["*"],
  [SyntaxKind.PercentToken]: ["*"],
  [SyntaxKind.AsteriskAsteriskToken]: ["*"],
  [SyntaxKind.LessThanToken]: ["<=", ">="],
  [SyntaxKind.LessThanEqualsToken]: ["<", ">"],
  [SyntaxKind.GreaterThanToken]: [">=", "<="],
  [SyntaxKind.GreaterThanEqualsToken]: [">", "<"],
  [SyntaxKind.EqualsEqualsEqualsToken]: ["!=="],
  [SyntaxKind.ExclamationEqualsEqualsToken]: ["==="],
  [SyntaxKind.AmpersandAmpersandToken]: ["||"],
  [SyntaxKind.BarBarToken]: ["&&"],
  [SyntaxKind.QuestionQuestionToken]: ["&&"],
  [SyntaxKind.AmpersandToken]: ["|"],
  [SyntaxKind.BarToken]: ["&"],
  [SyntaxKind.LessThanLessThanToken]: [">>"],
  [SyntaxKind.GreaterThanGreaterThanToken]: ["<<"],
  [SyntaxKind.PlusEqualsToken]: ["-="],
  [SyntaxKind.MinusEqualsToken]: ["+="],
  [SyntaxKind.BarBarEqualsToken]: ["="],
  [SyntaxKind.QuestionQuestionEqualsToken]: ["="],
};

/** The mutants of a file. */
export function mutantsOf(file: string, source: string): Mutant[] {
  const mutants: Mutant[] = [];
  const tree = ts.createSourceFile(
    file,
    source,
    ts.ScriptTarget.Latest,
    true,
  );

  let where = "";
  const put = (start: number, end: number, text: string, shown = text) => {
    const { line } = tree.getLineAndCharacterOfPosition(start);
    const code = source.split("\n")[line]!.trim();
    const from = brief(source.slice(start, end));
    const change = `${from} → ${brief(shown) || "nothing"}`;
    const same = mutants.filter((one) =>
      one.code === code && one.change === change && one.where === where
    );
    const nth = same.length + 1;
    const at = { file, start, end, text, line: line + 1, where };
    mutants.push({ ...at, code, change, nth });
  };
  const replace = (node: ts.Node, text: string) =>
    put(node.getStart(tree), node.getEnd(), text);

  const visit = (node: ts.Node): void => {
    if (isOfTypesAlone(node)) return;
    const outer = where;
    if (hasNameOfPlace(node)) {
      const name = node.name!.getText(tree);
      where = where === "" ? name : `${where}.${name}`;
    }
    mutate(node);
    ts.forEachChild(node, visit);
    where = outer;
  };

  const condition = (node: ts.Expression) => {
    replace(node, "true");
    replace(node, "false");
  };

  function mutate(node: ts.Node): void {
    if (ts.isBinaryExpression(node)) {
      for (const other of operators[node.operatorToken.kind] ?? []) {
        replace(node.operatorToken, other);
      }
    } else if (ts.isPrefixUnaryExpression(node)) {
      const { operator, operand } = node;
      const inner = operand.getText(tree);
      if (operator === SyntaxKind.PlusPlusToken) replace(node, `--${inner}`);
      else if (operator === SyntaxKind.MinusMinusToken) {
        replace(node, `++${inner}`);
      } else if (operator !== SyntaxKind.PlusToken) replace(node, inner);
    } else if (ts.isPostfixUnaryExpression(node)) {
      const { operator, operand } = node;
      const other = operator === SyntaxKind.PlusPlusToken ? "--" : "++";
      replace(node, operand.getText(tree) + other);
    } else if (ts.isIfStatement(node)) condition(node.expression);
    else if (ts.isConditionalExpression(node)) condition(node.condition);
    else if (ts.isWhileStatement(node)) replace(node.expression, "false");
    else if (ts.isForStatement(node)) {
      if (node.condition) replace(node.condition, "false");
    } else if (isRemovable(node)) {
      put(node.getStart(tree), node.getEnd(), ";", "");
    } else if (ts.isReturnStatement(node) && node.expression) {
      const value = node.expression.getText(tree);
      const isNo = value === "undefined" || value === "false";
      // Undefined is as good as these, where they are read at all.
      if (!isNo) replace(node, "return;");
      // Where nothing is wanted, only the rest of the function runs, too.
      if (!isNo || !isLast(node)) replace(node, `${value};`);
    } else literal(node);
  }

  function literal(node: ts.Node): void {
    if (node === tree) return;
    if (ts.isPropertyAssignment(node.parent) && node.parent.name === node) {
      return;
    }
    if (node.kind === SyntaxKind.TrueKeyword) replace(node, "false");
    else if (node.kind === SyntaxKind.FalseKeyword) replace(node, "true");
    else if (ts.isNumericLiteral(node)) {
      replace(node, `${Number(node.text) + 1}`);
      if (Number(node.text) > 1) replace(node, "0");
    } else if (ts.isStringLiteral(node)) {
      replace(node, node.text === "" ? '"mutant"' : '""');
    } else if (
      ts.isNoSubstitutionTemplateLiteral(node) || ts.isTemplateExpression(node)
    ) {
      replace(node, '""');
    } else if (ts.isArrayLiteralExpression(node) && node.elements.length > 0) {
      const isTarget = ts.isBinaryExpression(node.parent) &&
        node.parent.left === node;
      if (!isTarget) replace(node, "[]");
    } else if (
      node.kind === SyntaxKind.QuestionDotToken &&
      ts.isPropertyAccessExpression(node.parent)
    ) replace(node, ".");
  }

  visit(tree);
  return mutants;
}

const brief = (text: string) => text.replace(/\s+/g, " ").slice(0, 60);

/** Whether it has a name by which the place of a change is told. */
function hasNameOfPlace(
  node: ts.Node,
): node is ts.ClassDeclaration | ts.FunctionDeclaration | ts.MethodDeclaration {
  return ts.isClassDeclaration(node) || ts.isFunctionDeclaration(node) ||
    ts.isMethodDeclaration(node) || ts.isAccessor(node);
}

/** Nothing comes after it in its function. */
function isLast(node: ts.Statement): boolean {
  const block = node.parent;
  return ts.isBlock(block) && block.statements.at(-1) === node &&
    ts.isFunctionLike(block.parent);
}

/** A statement that does something, and that the file is whole without. */
function isRemovable(node: ts.Node): boolean {
  if (ts.isExpressionStatement(node)) {
    // Without it, a derived class could not be made.
    return !(ts.isCallExpression(node.expression) &&
      node.expression.expression.kind === SyntaxKind.SuperKeyword);
  }
  return ts.isBreakStatement(node) || ts.isContinueStatement(node) ||
    ts.isThrowStatement(node) ||
    (ts.isReturnStatement(node) && node.expression === undefined);
}

/** Nothing of it is there at run time. */
function isOfTypesAlone(node: ts.Node): boolean {
  return ts.isTypeNode(node) || ts.isInterfaceDeclaration(node) ||
    ts.isTypeAliasDeclaration(node) || ts.isImportDeclaration(node) ||
    ts.isExportDeclaration(node) || ts.isTypeParameterDeclaration(node) ||
    (ts.isPropertyDeclaration(node) &&
      (node.modifiers?.some(({ kind }) => kind === SyntaxKind.DeclareKeyword) ??
        false));
}
