// Texts and buttons that a parent cuts off. What scrolls down may hide below; what ends in an ellipsis does so on purpose;
// marks on the map and on the time axis may reach over its border.
() => {
  const SLACK_PX = 1.5;
  const name = (element) => `${element.tagName.toLowerCase()} "${element.textContent.trim().slice(0, 50)}"`;
  const hidden = (element) =>
    element.closest('.sr, .maplibregl-map, .overlay, .plot, .axis, .watermark, option') || !element.checkVisibility();
  const speaks = (element) =>
    element.matches('button, input') ||
    [...element.childNodes].some((node) => node.nodeType === Node.TEXT_NODE && node.textContent.trim());
  const found = [];
  for (const element of document.querySelectorAll('body *')) {
    if (!speaks(element) || hidden(element)) continue;
    const inner = element.getBoundingClientRect();
    if (!inner.width || !inner.height) continue;
    let across = true;
    let down = true;
    for (let outer = element; outer && outer !== document.body; outer = outer.parentElement) {
      const style = getComputedStyle(outer);
      if (style.textOverflow === 'ellipsis') across = false;
      const box = outer.getBoundingClientRect();
      const cutsAcross = style.overflowX !== 'visible' && across;
      const cutsDown = style.overflowY === 'hidden' && down;
      if (outer !== element && cutsAcross && (inner.left < box.left - SLACK_PX || inner.right > box.right + SLACK_PX))
        found.push(`${name(element)} across ${outer.tagName.toLowerCase()}.${outer.className}`);
      if (outer !== element && cutsDown && (inner.top < box.top - SLACK_PX || inner.bottom > box.bottom + SLACK_PX))
        found.push(`${name(element)} down ${outer.tagName.toLowerCase()}.${outer.className}`);
      if (style.overflowY === 'auto' || style.overflowY === 'scroll') down = false;
      if (style.position === 'fixed') break;
    }
  }
  return found;
}
