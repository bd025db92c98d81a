// Signs a person in: the credential is exchanged once for a session, whose cookie no script can read.
(() => {
  'use strict';

  const session = '/api/v2/session';
  const at = (id) => document.getElementById(id);

  // next is where to go afterwards: a place of this site only, or a link could send people elsewhere.
  function next() {
    const wanted = new URLSearchParams(location.search).get('next') || '/api/v2/benchmarks/dashboard';
    try {
      const url = new URL(wanted, location.origin);
      if (url.origin === location.origin && /^\/[^/\\]/.test(wanted)) return url.pathname + url.search + url.hash;
    } catch {
      // it is no address
    }
    return '/api/v2/benchmarks/dashboard';
  }

  function showForm(fault) {
    at('who').hidden = true;
    at('form').hidden = false;
    at('fault').textContent = fault;
    at('credential').focus();
  }

  function showWho(who) {
    at('form').hidden = true;
    at('who').hidden = false;
    at('headline').textContent = document.title = 'You are signed in';
    at('detail').textContent = '';
    at('subject').textContent = who.subject;
    at('scopes').textContent = who.scopes.join(', ');
    at('until').textContent = who.expires_at ? new Date(who.expires_at).toLocaleString() : 'no end';
    at('onward').href = next();
    at('onward').focus();
  }

  async function detailOf(answer) {
    try {
      return (await answer.json()).detail || 'The server answered ' + answer.status + '.';
    } catch {
      return 'The server answered ' + answer.status + '.';
    }
  }

  async function signIn(event) {
    event.preventDefault();
    const button = at('form').querySelector('button');
    const credential = at('credential').value.trim();
    button.disabled = true;
    at('fault').textContent = '';
    try {
      if (!/^[\x21-\x7e]+$/.test(credential)) throw new Error('A key or a token holds no spaces and only plain characters.');
      const answer = await fetch(session, { method: 'POST', headers: { Authorization: 'Bearer ' + credential } });
      if (!answer.ok) throw new Error(await detailOf(answer));
      at('credential').value = '';
      location.replace(next());
    } catch (error) {
      showForm(error instanceof TypeError ? 'The server does not answer. Try again.' : error.message);
    } finally {
      button.disabled = false;
    }
  }

  async function signOut() {
    await fetch(session, { method: 'DELETE' });
    location.reload();
  }

  async function start() {
    at('form').addEventListener('submit', signIn);
    at('leave').addEventListener('click', signOut);
    try {
      const answer = await fetch(session, { cache: 'no-store' });
      if (answer.ok) showWho(await answer.json());
      else showForm('');
    } catch {
      showForm('The server does not answer. Try again.');
    }
  }

  start();
})();
