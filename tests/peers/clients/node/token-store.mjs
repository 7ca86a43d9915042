// What an app keeps of its user. Where tokens rest on a device is not compared, so they are in a variable.
export class TokenStore {
  accessToken = null;
  refreshToken = null;

  get isSignedIn() {
    return Boolean(this.refreshToken);
  }

  // A server that does not rotate sends no new refresh token: the old one stays good (RFC 6749 section 6).
  save({ access_token, refresh_token }) {
    this.accessToken = access_token;
    this.refreshToken = refresh_token ?? this.refreshToken;
  }

  clear() {
    this.accessToken = null;
    this.refreshToken = null;
  }
}
