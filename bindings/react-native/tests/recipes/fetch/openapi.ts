/** As openapi-typescript writes it. */
export interface paths {
  '/notes': {
    get: { responses: { 200: { content: { 'application/json': Note[] } } } };
    post: {
      requestBody: { content: { 'application/json': { text: string } } };
      responses: { 201: { content: { 'application/json': Note } } };
    };
  };
  '/notes/{id}': {
    get: {
      parameters: { path: { id: string } };
      responses: {
        200: { content: { 'application/json': Note } };
        404: { content: { 'application/json': { message: string } } };
      };
    };
  };
}

interface Note {
  id: string;
  text: string;
}
