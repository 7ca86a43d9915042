/** What an app sets of the plugin. Nothing is changed for what is not set. */
export interface AuthSessionPluginOptions {
  /**
   * Keychain access groups that the app shares with its extensions or with other apps of its team, such as
   * `com.example.shared`. The team's prefix is put before those that do not begin with one.
   */
  readonly keychainAccessGroups?: readonly string[];
  /** What iOS shows when it asks for Face ID (`NSFaceIDUsageDescription`). An app that asks without one is ended. */
  readonly faceIDPermission?: string;
  /**
   * Whether Android leaves `files/auth-session` out of backups: for a store of files in that folder. The default store
   * is in a folder that is not backed up anyway.
   */
  readonly excludeFromAndroidBackup?: boolean;
}

const names = ['keychainAccessGroups', 'faceIDPermission', 'excludeFromAndroidBackup'];

/** `options` of an app's config, which nobody has checked. Throws an error that names the option and what it must be. */
export function checkedOptions(options: unknown): AuthSessionPluginOptions {
  if (options === undefined || options === null) return {};
  if (typeof options !== 'object' || Array.isArray(options)) throw wrong('the options', 'an object');
  const { keychainAccessGroups, faceIDPermission, excludeFromAndroidBackup } = options as Record<string, unknown>;
  for (const name of Object.keys(options)) {
    if (!names.includes(name)) throw wrong(name, `one of the options ${names.join(', ')}`);
  }
  if (keychainAccessGroups !== undefined) {
    if (!Array.isArray(keychainAccessGroups)) throw wrong('keychainAccessGroups', 'a list of access groups');
    keychainAccessGroups.forEach((group, index) => {
      if (typeof group !== 'string' || !/^(\$\(\w+\))?[\w-]+(\.[\w-]+)*$/.test(group)) {
        throw wrong(`keychainAccessGroups[${index}]`, 'an access group, such as com.example.shared');
      }
    });
  }
  if (faceIDPermission !== undefined && (typeof faceIDPermission !== 'string' || faceIDPermission.trim() === '')) {
    throw wrong('faceIDPermission', 'a text that tells the user what Face ID is for');
  }
  if (excludeFromAndroidBackup !== undefined && typeof excludeFromAndroidBackup !== 'boolean') {
    throw wrong('excludeFromAndroidBackup', 'true or false');
  }
  return options;
}

function wrong(name: string, expected: string): Error {
  return new Error(`The plugin react-native-auth-session: ${name} must be ${expected}.`);
}
