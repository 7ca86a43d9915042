#import <RNAuthSessionSpec/RNAuthSessionSpec.h>
#import <React/RCTInvalidating.h>

/// What React Native makes and calls. Everything it does is done by `AuthSessionImpl`, in Swift.
@interface RNAuthSession : NativeAuthSessionSpecBase <NativeAuthSessionSpec, RCTInvalidating>
@end
