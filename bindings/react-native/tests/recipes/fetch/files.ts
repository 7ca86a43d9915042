import type { AuthSession, TransferProgress } from 'react-native-auth-session';

/** Sends a picture as it is picked: `uri` is a `file:` URI or, on Android, a `content:` URI. */
export async function uploadPhoto(
  session: AuthSession,
  photo: { uri: string; type: string },
  onUploadProgress: (progress: TransferProgress) => void,
  signal: AbortSignal,
): Promise<void> {
  const response = await session.fetch('/photos/1', { method: 'PUT', body: photo, onUploadProgress, signal });
  if (!response.ok) throw new Error(`upload: ${response.status}`);
}

/** The same picture among the fields of a form. */
export async function postForm(
  session: AuthSession,
  photo: { uri: string; type: string; name: string },
): Promise<void> {
  const form = new FormData();
  form.append('title', 'Meer');
  form.append('photo', photo);
  const response = await session.fetch('/forms', { method: 'POST', body: form });
  if (!response.ok) throw new Error(`form: ${response.status}`);
}

/** Writes what the server sends to a file, which is there when it is complete. */
export async function downloadFilm(
  session: AuthSession,
  to: string,
  onDownloadProgress: (progress: TransferProgress) => void,
  signal: AbortSignal,
): Promise<void> {
  const response = await session.download('/films/1', { to, onDownloadProgress, signal });
  if (!response.ok) throw new Error(`download: ${response.status}`);
}
