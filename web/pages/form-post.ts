/** Sends the form of a form_post page (OAuth 2.0 Form Post Response Mode §2) as soon as it is there. */
// Called from the prototype: a parameter named "submit" would otherwise hide the method.
const form = document.querySelector('form')
if (form) HTMLFormElement.prototype.submit.call(form)
