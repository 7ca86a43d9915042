// What the package uses of React Native. The rest of it would take half a minute to bundle, and shows nothing more.
export { TurboModuleRegistry };
import * as TurboModuleRegistry from 'react-native/Libraries/TurboModule/TurboModuleRegistry';
