// The page of the API: hands our OpenAPI document to Swagger UI, which only this module knows.

// @ts-expect-error Swagger UI is no module; it comes before this one.
globalThis.SwaggerUIBundle({
  url: '/api/openapi.json',
  dom_id: '#api',
  deepLinking: true,
  supportedSubmitMethods: ['get', 'head', 'post'],
  defaultModelsExpandDepth: -1,
  validatorUrl: null,
});
