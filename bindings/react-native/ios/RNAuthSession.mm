#import "RNAuthSession.h"

#if __has_include(<ReactNativeAuthSession/ReactNativeAuthSession-Swift.h>)
// With `use_frameworks!`.
#import <ReactNativeAuthSession/ReactNativeAuthSession-Swift.h>
#else
#import "ReactNativeAuthSession-Swift.h"
#endif

@implementation RNAuthSession {
  AuthSessionImpl *_impl;
}

+ (NSString *)moduleName
{
  return @"RNAuthSession";
}

- (instancetype)init
{
  if (self = [super init]) {
    __weak RNAuthSession *weakSelf = self;
    _impl = [[AuthSessionImpl alloc] initWithEventHandler:^(NSDictionary<NSString *, id> *event) {
      [weakSelf forwardEvent:event];
    }];
  }
  return self;
}

- (std::shared_ptr<facebook::react::TurboModule>)getTurboModule:
    (const facebook::react::ObjCTurboModule::InitParams &)params
{
  return std::make_shared<facebook::react::NativeAuthSessionSpecJSI>(params);
}

- (void)invalidate
{
  [_impl invalidate];
}

- (void)forwardEvent:(NSDictionary *)event
{
  // Before React Native 0.88 the generated method fails until JavaScript has attached (react-native#57893).
  if (_eventEmitterCallback) {
    [self emitOnEvent:event];
  }
}

- (void)open:(NSDictionary *)options
     resolve:(RCTPromiseResolveBlock)resolve
      reject:(RCTPromiseRejectBlock)reject
{
  [_impl open:options resolve:resolve reject:reject];
}

- (void)signIn:(NSString *)sessionId
    credentialsJson:(NSString *)credentialsJson
            resolve:(RCTPromiseResolveBlock)resolve
             reject:(RCTPromiseRejectBlock)reject
{
  [_impl signIn:sessionId credentialsJson:credentialsJson resolve:resolve reject:reject];
}

- (void)adopt:(NSString *)sessionId
         accessToken:(NSString *)accessToken
        refreshToken:(NSString *)refreshToken
    expiresInSeconds:(NSNumber *)expiresInSeconds
             resolve:(RCTPromiseResolveBlock)resolve
              reject:(RCTPromiseRejectBlock)reject
{
  [_impl adopt:sessionId
           accessToken:accessToken
          refreshToken:refreshToken
      expiresInSeconds:expiresInSeconds
               resolve:resolve
                reject:reject];
}

- (void)importTokens:(NSString *)sessionId
         accessToken:(NSString *)accessToken
        refreshToken:(NSString *)refreshToken
    expiresInSeconds:(NSNumber *)expiresInSeconds
             resolve:(RCTPromiseResolveBlock)resolve
              reject:(RCTPromiseRejectBlock)reject
{
  [_impl importTokens:sessionId
           accessToken:accessToken
          refreshToken:refreshToken
      expiresInSeconds:expiresInSeconds
               resolve:resolve
                reject:reject];
}

- (void)signOut:(NSString *)sessionId
        resolve:(RCTPromiseResolveBlock)resolve
         reject:(RCTPromiseRejectBlock)reject
{
  [_impl signOut:sessionId resolve:resolve reject:reject];
}

- (NSDictionary *)getState:(NSString *)sessionId
{
  return [_impl getState:sessionId];
}

- (void)networkChanged:(NSString *)sessionId
{
  [_impl networkChanged:sessionId];
}

- (void)request:(NSString *)sessionId
      requestId:(NSString *)requestId
        request:(NSDictionary *)request
        resolve:(RCTPromiseResolveBlock)resolve
         reject:(RCTPromiseRejectBlock)reject
{
  [_impl request:sessionId requestId:requestId request:request resolve:resolve reject:reject];
}

- (void)cancel:(NSString *)requestId
{
  [_impl cancel:requestId];
}

@end
