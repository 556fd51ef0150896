// The API's document, to try out. Requests to the interface itself carry the token of the session, as its forms do.

const box = document.getElementById("swagger");

window.addEventListener("load", () => {
  SwaggerUIBundle({
    url: box.dataset.document,
    dom_id: "#swagger",
    layout: "BaseLayout",
    validatorUrl: null,
    deepLinking: false,
    requestInterceptor: (request) => {
      const target = new URL(request.url, location.href);
      if (target.origin === location.origin) request.headers["X-CSRF-Token"] = box.dataset.token;
      return request;
    },
  });
});
