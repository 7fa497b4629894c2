import type { ServerTexts } from './en.ts'

const bg: ServerTexts = {
  permission_denied: 'Достъпът е отказан',
  request_denied: 'Заявката е отказана.',
  request_id: 'Номер на заявката',
  explanation_id: 'Справка №',
  to_applications: 'Към моите приложения',
  not_found: 'Не е намерено',
  not_found_why: 'На този адрес няма страница.',
  stale_form: 'Моля, опитайте отново',
  stale_form_why: 'Този формуляр е от предишна сесия или браузърът ви не пази бисквитки за тази страница.',
  reload: 'Отваряне на страницата отново',
  server_error: 'Възникна грешка',
  server_error_why: 'Сървърът не можа да отговори на заявката. Ако се повтори, дайте номера по-долу на администраторите.',
  starting: 'Стартиране',
  starting_why: 'Сървърът стартира. Страницата ще се отвори сама след малко.',
  sending: 'Пренасочване…',
  continue: 'Продължаване',
  my_applications: 'Моите приложения',
  sign_out: 'Изход',
  search: 'Търсене',
  no_match: 'Няма съвпадащо приложение.',
  no_applications: 'Все още няма приложения за вас. Администраторите на този сървър могат да ви дадат достъп.',
  admin_by_api: 'Днес управлението става чрез API:',
  language: 'Език',
}
export default bg
