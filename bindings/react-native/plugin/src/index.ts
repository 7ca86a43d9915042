import {
  AndroidConfig,
  createRunOncePlugin,
  WarningAggregator,
  withAndroidManifest,
  withEntitlementsPlist,
  withInfoPlist,
} from 'expo/config-plugins';
import type { ConfigPlugin } from 'expo/config-plugins';
import { nameBackupRules, withAccessGroups } from './edits.ts';
import { checkedOptions } from './options.ts';
import type { AuthSessionPluginOptions } from './options.ts';

const packageName = 'react-native-auth-session';

const withOptions: ConfigPlugin<AuthSessionPluginOptions | void> = (config, options) => {
  const { keychainAccessGroups = [], faceIDPermission, excludeFromAndroidBackup = false } = checkedOptions(options);
  let result = config;
  if (keychainAccessGroups.length > 0) {
    result = withEntitlementsPlist(result, (mod) => {
      const entitlements = mod.modResults;
      entitlements['keychain-access-groups'] = withAccessGroups(
        entitlements['keychain-access-groups'],
        keychainAccessGroups,
      );
      return mod;
    });
  }
  if (faceIDPermission !== undefined) {
    result = withInfoPlist(result, (mod) => {
      mod.modResults['NSFaceIDUsageDescription'] = faceIDPermission;
      return mod;
    });
  }
  if (excludeFromAndroidBackup) {
    result = withAndroidManifest(result, (mod) => {
      const application = AndroidConfig.Manifest.getMainApplicationOrThrow(mod.modResults);
      for (const attribute of nameBackupRules(application.$)) {
        WarningAggregator.addWarningAndroid(
          packageName,
          `${attribute} names rules already. Exclude the path auth-session/ of the domain file there.`,
        );
      }
      return mod;
    });
  }
  return result;
};

const withAuthSession: ConfigPlugin<AuthSessionPluginOptions | void> = createRunOncePlugin(withOptions, packageName);

// CommonJS: Expo 55 requires the plugin.
export = withAuthSession;
