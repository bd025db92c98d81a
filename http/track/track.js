// The page of one order: its timeline, live. It reads the timeline once, then follows the order's events
// from the last number on: over a WebSocket, as Server-Sent Events where that is not let through, and
// by asking now and then where neither is. Numbers have no gaps, so that nothing is shown twice or missed.
(() => {
  'use strict';

  const words = {
    en: {
      order: 'Order', loading: 'Looking up your order …', parcel: 'Parcel', carrier: 'Carrier', number: 'Tracking number',
      history: 'What has happened', items: 'Items', total: 'Total',
      live: 'Live: this page updates by itself', wait: 'Connecting …', lost: 'Connection lost. Trying again …',
      asks: 'Updated every few seconds', over: 'Nothing more will change',
      unknown: 'There is no such order', unknownMore: 'Check the link: it may have been cut off.',
      away: 'Your order cannot be shown right now', awayMore: 'It is safe. This page tries again by itself.',
      sign: 'Sign in to see your order', signMore: 'Sign in at the shop, then open this link again.',
      steps: { pending: 'Ordered', paid: 'Paid', processing: 'Preparing', shipped: 'Shipped', delivered: 'Delivered' },
      headline: {
        pending: 'Your order is placed', paid: 'Your payment has arrived', processing: 'Your order is being prepared',
        shipped: 'Your order is on its way', delivered: 'Your order has been delivered', completed: 'Your order is complete',
        cancelled: 'Your order was cancelled',
      },
      detail: { pending: 'It waits for your payment.', shipped: 'The carrier has it.' },
      events: {
        placed: 'Order placed', paid: 'Payment received', processing: 'Being prepared', shipped: 'Handed to the carrier',
        delivered: 'Delivered', completed: 'Completed', cancelled: 'Cancelled',
      },
      unpaid: 'It was not paid in time.',
    },
    ko: {
      order: '주문', loading: '주문을 찾고 있습니다 …', parcel: '배송', carrier: '택배사', number: '송장 번호',
      history: '진행 내역', items: '상품', total: '합계',
      live: '실시간으로 업데이트됩니다', wait: '연결하는 중 …', lost: '연결이 끊어졌습니다. 다시 연결하는 중 …',
      asks: '몇 초마다 업데이트됩니다', over: '더 이상 변경되지 않습니다',
      unknown: '주문을 찾을 수 없습니다', unknownMore: '링크가 잘리지 않았는지 확인해 주세요.',
      away: '지금은 주문을 표시할 수 없습니다', awayMore: '주문은 안전합니다. 자동으로 다시 시도합니다.',
      sign: '로그인하면 주문을 볼 수 있습니다', signMore: '쇼핑몰에 로그인한 뒤 이 링크를 다시 열어 주세요.',
      steps: { pending: '주문', paid: '결제', processing: '준비', shipped: '발송', delivered: '배송 완료' },
      headline: {
        pending: '주문이 접수되었습니다', paid: '결제가 완료되었습니다', processing: '상품을 준비하고 있습니다',
        shipped: '상품이 배송 중입니다', delivered: '상품이 배송되었습니다', completed: '주문이 완료되었습니다',
        cancelled: '주문이 취소되었습니다',
      },
      detail: { pending: '결제를 기다리고 있습니다.', shipped: '택배사에 전달되었습니다.' },
      events: {
        placed: '주문 접수', paid: '결제 완료', processing: '상품 준비 중', shipped: '택배사 전달',
        delivered: '배송 완료', completed: '주문 완료', cancelled: '주문 취소',
      },
      unpaid: '결제 기한이 지났습니다.',
    },
  };
  const language = (navigator.languages || []).some((l, i) => i === 0 && l.startsWith('ko')) ? 'ko' : 'en';
  const say = words[language];
  const order = document.body.dataset.order;
  const base = '/api/v2/orders/' + order;
  const at = (id) => document.getElementById(id);
  const steps = Object.keys(say.steps);
  const over = (status) => status === 'completed' || status === 'cancelled';

  // Stranger says that the server does not know who looks at the page.
  class Stranger extends Error {}

  let events = [];
  let parcel = { carrier: '', number: '' };
  let attempts = 0;

  const last = () => (events.length ? events[events.length - 1] : null);
  const make = (tag, text, parent) => {
    const node = document.createElement(tag);
    node.textContent = text;
    parent.append(node);
    return node;
  };

  function showState(state, text) {
    at('link').dataset.state = state;
    at('state').textContent = text;
  }

  function showSteps(status) {
    const list = at('steps');
    const reached = events.reduce((n, e) => Math.max(n, steps.indexOf(e.status)), status === 'completed' ? steps.length - 1 : 0);
    list.replaceChildren();
    list.classList.toggle('off', status === 'cancelled');
    steps.forEach((name, i) => {
      const li = document.createElement('li');
      if (i <= reached) {
        li.className = 'done';
        make('span', '', li).className = 'mark';
      }
      if (i === reached) li.setAttribute('aria-current', 'step');
      make('span', say.steps[name], li);
      list.append(li);
    });
    list.hidden = false;
  }

  function showEvents(fresh) {
    const when = new Intl.DateTimeFormat(language, { dateStyle: 'medium', timeStyle: 'short' });
    const list = at('events');
    list.replaceChildren();
    for (const e of [...events].reverse()) {
      const li = document.createElement('li');
      make('b', say.events[e.type.replace('order.', '')] || e.type, li);
      const time = make('time', when.format(new Date(e.at)), li);
      time.dateTime = e.at;
      for (const text of [e.note, e.reason === 'payment_timeout' ? say.unpaid : e.reason]) if (text) make('q', text, li);
      if (e.status === 'cancelled') li.classList.add('bad');
      if (fresh && e === last()) li.classList.add('fresh');
      list.append(li);
    }
    at('history').hidden = false;
  }

  function show(fresh) {
    const status = last().status;
    at('headline').textContent = say.headline[status];
    at('headline').classList.toggle('bad-text', status === 'cancelled');
    at('detail').textContent = say.detail[status] || '';
    document.title = say.headline[status];
    showSteps(status);
    showEvents(fresh);
    at('parcel').hidden = !parcel.carrier && !parcel.number;
    at('carrier').textContent = parcel.carrier || '–';
    at('number').textContent = parcel.number || '–';
    if (fresh) at('news').textContent = say.headline[status];
  }

  // take adds an event, if it is the next one; false says that one is missing.
  function take(e, fresh) {
    const seq = last() ? last().seq : 0;
    if (e.seq <= seq) return true;
    if (e.seq !== seq + 1) return false;
    events.push(e);
    parcel = { carrier: e.carrier || parcel.carrier, number: e.tracking_number || parcel.number };
    if (fresh) show(true);
    return true;
  }

  async function ask(path) {
    const answer = await fetch(path, { headers: { Accept: 'application/json' }, cache: 'no-store' });
    if (answer.status === 404 || answer.status === 400) return null;
    if (answer.status === 401 || answer.status === 403) throw new Stranger();
    if (!answer.ok) throw new Error('answered ' + answer.status);
    return answer.json();
  }

  async function read(fresh) {
    const tracking = await ask(base + '/tracking');
    if (!tracking) return false;
    const before = events.length;
    for (const e of tracking.events) take(e, false);
    if (events.length > before) show(fresh);
    return true;
  }

  async function showItems() {
    const o = await ask(base);
    if (!o) return;
    const money = new Intl.NumberFormat(language, { style: 'currency', currency: o.currency });
    const digits = money.resolvedOptions().maximumFractionDigits;
    const amount = (minor) => money.format(minor / 10 ** digits);
    for (const item of o.items) {
      const li = document.createElement('li');
      make('span', item.quantity + ' × ' + item.name, li);
      make('span', amount(item.line_total), li);
      at('items').append(li);
    }
    at('total').textContent = amount(o.total_amount);
    at('goods').hidden = false;
  }

  function heard(text) {
    const m = JSON.parse(text);
    if (m.type === 'order') return;
    attempts = 0;
    if (!take({ type: m.type, seq: m.seq, at: m.at, ...m.data }, true)) read(true);
  }

  // again comes back after a while, longer each time and not at the same moment as everybody else.
  function again() {
    if (over(last().status)) {
      follow(); // it says so
      return;
    }
    attempts += 1;
    const wait = Math.min(30000, 500 * 2 ** Math.min(attempts, 6));
    setTimeout(follow, wait / 2 + Math.random() * wait / 2);
  }

  function follow() {
    if (over(last().status)) {
      showState('over', say.over);
      return;
    }
    const since = '?since_seq=' + last().seq;
    if ('WebSocket' in window && attempts % 3 !== 2) followSocket(since);
    else if ('EventSource' in window && attempts % 6 !== 5) followStream(since);
    else poll();
  }

  function followSocket(since) {
    const socket = new WebSocket(location.origin.replace(/^http/, 'ws') + base + '/updates' + since);
    socket.onopen = () => showState('live', say.live);
    socket.onmessage = (m) => {
      heard(m.data);
      if (over(last().status)) socket.close(1000);
    };
    socket.onclose = () => {
      showState('lost', say.lost);
      again();
    };
  }

  function followStream(since) {
    const stream = new EventSource(base + '/events' + since);
    stream.onopen = () => showState('live', say.live);
    const leave = () => {
      stream.close();
      showState('lost', say.lost);
      again();
    };
    stream.onmessage = (m) => {
      heard(m.data);
      if (over(last().status)) leave();
    };
    stream.onerror = leave;
  }

  async function poll() {
    try {
      await read(true);
      showState('live', say.asks);
    } catch {
      showState('lost', say.lost);
    }
    again();
  }

  async function start() {
    try {
      if (!(await read(false))) {
        at('headline').textContent = document.title = say.unknown;
        at('detail').textContent = say.unknownMore;
        at('link').hidden = true;
        return;
      }
      await showItems();
      follow();
    } catch (error) {
      if (error instanceof Stranger) {
        at('headline').textContent = document.title = say.sign;
        at('detail').textContent = say.signMore;
        at('link').hidden = true;
        return;
      }
      at('headline').textContent = say.away;
      at('detail').textContent = say.awayMore;
      showState('lost', say.lost);
      setTimeout(start, 3000 + Math.random() * 2000);
    }
  }

  document.documentElement.lang = language;
  for (const node of document.querySelectorAll('[data-text]')) node.textContent = say[node.dataset.text];
  at('short').textContent = order.slice(-12);
  showState('wait', say.wait);
  start();
})();
