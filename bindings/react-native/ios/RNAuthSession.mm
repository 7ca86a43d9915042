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

// A module with an -init of its own is else made on the main queue, for which JavaScript waits.
+ (BOOL)requiresMainQueueSetup
{
  return NO;
}

- (instancetype)init
{
  if (self = [super init]) {
    __weak RNAuthSession *weakSelf = self;
    _impl = [[AuthSessionImpl alloc]
        initWithEventHandler:^(NSDictionary<NSString *, id> *event) {
          [weakSelf forwardEvent:event];
        }
        progressHandler:^(NSDictionary<NSString *, id> *progress) {
          [weakSelf forwardProgress:progress];
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
  // Waits for the handlers above. Before React Native 0.88 the callback refers to a C++ object that is destroyed next.
  [_impl invalidate];
  _eventEmitterCallback = nullptr;
}

// Before React Native 0.88 the generated methods fail until JavaScript has attached (react-native#57893).
- (void)forwardEvent:(NSDictionary *)event
{
  if (_eventEmitterCallback) {
    [self emitOnEvent:event];
  }
}

- (void)forwardProgress:(NSDictionary *)progress
{
  if (_eventEmitterCallback) {
    [self emitOnProgress:progress];
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

- (void)continueSignIn:(NSString *)sessionId
                   url:(NSString *)url
              bodyJson:(NSString *)bodyJson
               resolve:(RCTPromiseResolveBlock)resolve
                reject:(RCTPromiseRejectBlock)reject
{
  [_impl continueSignIn:sessionId url:url bodyJson:bodyJson resolve:resolve reject:reject];
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

- (void)requireRecentSignIn:(NSString *)sessionId
                   maxAgeMs:(double)maxAgeMs
                    resolve:(RCTPromiseResolveBlock)resolve
                     reject:(RCTPromiseRejectBlock)reject
{
  [_impl requireRecentSignIn:sessionId maxAgeMs:maxAgeMs resolve:resolve reject:reject];
}

- (void)client:(NSString *)sessionId
       options:(NSDictionary *)options
       resolve:(RCTPromiseResolveBlock)resolve
        reject:(RCTPromiseRejectBlock)reject
{
  [_impl client:sessionId options:options resolve:resolve reject:reject];
}

- (void)authorization:(NSString *)sessionId
                  url:(NSString *)url
              resolve:(RCTPromiseResolveBlock)resolve
               reject:(RCTPromiseRejectBlock)reject
{
  [_impl authorization:sessionId url:url resolve:resolve reject:reject];
}

- (void)refused:(NSString *)sessionId
        refusal:(NSDictionary *)refusal
        resolve:(RCTPromiseResolveBlock)resolve
         reject:(RCTPromiseRejectBlock)reject
{
  [_impl refused:sessionId refusal:refusal resolve:resolve reject:reject];
}

- (void)trace:(NSString *)sessionId
      resolve:(RCTPromiseResolveBlock)resolve
       reject:(RCTPromiseRejectBlock)reject
{
  [_impl trace:sessionId resolve:resolve reject:reject];
}

- (void)networkChanged:(NSString *)sessionId
{
  [_impl networkChanged:sessionId];
}

- (void)resume:(NSString *)sessionId
{
  [_impl resume:sessionId];
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
