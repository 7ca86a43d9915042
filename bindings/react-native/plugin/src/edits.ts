/** A list of access groups in the entitlements, with `added` at its end. */
export function withAccessGroups(present: unknown, added: readonly string[]): string[] {
  const groups = Array.isArray(present) ? present.map(String) : [];
  // The first group is where an app's items go that name none. Without a list that is the app's own, and must stay so, or
  // the app would lose sight of what it has stored.
  if (groups.length === 0) groups.push('$(AppIdentifierPrefix)$(CFBundleIdentifier)');
  for (const group of added.map(withPrefix)) {
    if (!groups.includes(group)) groups.push(group);
  }
  return groups;
}

/** `group` as the entitlements name it: with the identifier of the team, which Xcode fills in. */
function withPrefix(group: string): string {
  return /^(\$\(|[A-Z0-9]{10}\.)/.test(group) ? group : `$(AppIdentifierPrefix)${group}`;
}

/** The rules that the AAR brings, by the attribute of `<application>` that names them. */
const backupRules = {
  'android:dataExtractionRules': '@xml/auth_session_data_extraction_rules',
  'android:fullBackupContent': '@xml/auth_session_backup_rules',
} as const;

/** Names the rules in `attributes`, and returns the attributes that have other rules, which are left as they are. */
export function nameBackupRules(attributes: Record<string, string | undefined>): string[] {
  return Object.entries(backupRules).flatMap(([attribute, rules]) => {
    attributes[attribute] ??= rules;
    return attributes[attribute] === rules ? [] : [attribute];
  });
}
