// Package browser drives a headless Chromium for tests of the pages that Penstock serves. A Page is a
// tab that may talk to one server only; whatever goes wrong in it is noted: exceptions, errors in the
// console, breaches of the content security policy, requests to elsewhere. Audit looks for what keeps
// people with disabilities out.
//
// Chromium is looked for on the machine, and installed when the tests run as root where apt-get is.
// What a page shows does not belong here. Nothing that serves imports this package.
package browser
