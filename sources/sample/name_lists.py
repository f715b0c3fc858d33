"""Ordinary names of nine languages, from which the made-up company's people get theirs.

Written from general knowledge, most common first; nobody in particular is meant. A last name that has two forms is
given as man/woman. The stems of each language are put together with its endings, so that a million people are not all
called Müller.
"""

# ruff: noqa: RUF001 - letters of other scripts that look like Latin ones are the point here

from __future__ import annotations

from dataclasses import dataclass


def _words(text: str) -> tuple[str, ...]:
    return tuple(text.split())


@dataclass(frozen=True)
class Names:
    """The names of one language.

    Attributes:
        women: First names, most common first.
        men: First names, most common first.
        last: Last names, most common first; man/woman where the forms differ.
        stems: Beginnings of further last names.
        endings: What the stems end in; man/woman where the forms differ.
        nicknames: First name to what friends, and some forms, say.
        script: How the names are written at home: latin, cyrillic, ukrainian, hanzi or uzbek (Latin and Cyrillic
            side by side).
        glued: Whether first names are put together from two of `women` or `men` half the time (Chinese).
    """

    women: tuple[str, ...]
    men: tuple[str, ...]
    last: tuple[str, ...]
    stems: tuple[str, ...]
    endings: tuple[str, ...]
    nicknames: dict[str, str]
    script: str = "latin"
    glued: bool = False


def _pairs(text: str) -> dict[str, str]:
    return dict(pair.split("=") for pair in text.split())


GERMAN = Names(
    women=_words(
        "Anna Maria Sabine Monika Petra Susanne Claudia Andrea Birgit Stefanie Julia Katharina Ursula Karin Nicole "
        "Heike Angelika "
        "Martina Gabriele Renate Elisabeth Christine Brigitte Anja Sandra Kerstin Laura Sarah Lena Lisa Silke Ute "
        "Barbara Daniela "
        "Melanie Christina Helga Ingrid Sonja Jana Tanja Franziska Johanna Hannah Marie Sophie Emma Mia Lea Leonie "
        "Charlotte Clara "
        "Frieda Ida Greta Bärbel Jördis Käthe Gisela Doris Elke Ulrike Antje Kirsten Vanessa Jasmin Carolin Theresa "
        "Magdalena Paula "
        "Nele Merle Wiebke Hildegard Gertrud Margarete Anneliese Waltraud Eva Simone"
    ),
    men=_words(
        "Peter Michael Thomas Andreas Wolfgang Klaus Jürgen Stefan Hans Christian Markus Matthias Bernd Alexander "
        "Frank Daniel Uwe "
        "Martin Jan Dieter Werner Manfred Ralf Horst Jörg Günter Sebastian Florian Tobias Oliver Lukas Jonas Felix "
        "Paul Maximilian "
        "Leon Finn Elias Noah Ben Philipp Tim Niklas David Moritz Jakob Anton Emil Karl Friedrich Heinrich Ludwig "
        "Georg Rainer Holger "
        "Torsten Sven Björn Sören Lars Kai Axel Rüdiger Detlef Gerhard Helmut Heinz Walter Kurt Otto Robert "
        "Benjamin Simon Dominik "
        "Fabian Patrick Dennis Marcel Henri Oskar Theo Joachim Volker Eberhard Götz"
    ),
    last=_words(
        "Müller Schmidt Schneider Fischer Weber Meyer Wagner Becker Schulz Hoffmann Schäfer Koch Bauer Richter "
        "Klein Wolf Schröder "
        "Neumann Schwarz Zimmermann Braun Krüger Hofmann Hartmann Lange Schmitt Werner Schmitz Krause Meier Lehmann "
        "Schmid Schulze "
        "Maier Köhler Herrmann König Walter Mayer Huber Kaiser Fuchs Peters Lang Scholz Möller Weiß Jung Hahn "
        "Schubert Vogel Friedrich "
        "Keller Günther Frank Berger Winkler Roth Beck Lorenz Baumann Franke Albrecht Schuster Simon Ludwig Böhm "
        "Winter Kraus Martin "
        "Schumacher Krämer Vogt Stein Jäger Otto Sommer Groß Seidel Heinrich Brandt Haas Schreiber Graf Schulte "
        "Dietrich Ziegler Kuhn "
        "Kühn Pohl Engel Horn Busch Bergmann Thomas Voigt Sauer Arnold Wolff Pfeiffer Ritter Förster Lindner Marx "
        "Petersen Jensen"
    ),
    stems=_words(
        "Acker Ahorn Apfel Berg Birken Blumen Bohnen Breiten Buchen Dorf Eber Eichen Eisen Erlen Falken Feld "
        "Fichten Garten Gold Grün "
        "Hammer Hasel Heide Hirsch Hohen Holz Kirch Klee Korn Kupfer Linden Mühl Nieder Ober Oster Rosen Salz Sand "
        "Schön Silber Stein "
        "Sonnen Stern Stolz Strauß Tannen Thal Unter Wald Wall Wein Wester Wiesen Winkel Wolken Zettel"
    ),
    endings=_words(
        "mann meier bach berg feld hauer hofer huber kamp kötter bauer berger thaler moser reuter schläger becker "
        "müller wald rath horst stein wirth egger"
    ),
    nicknames=_pairs(
        "Stefanie=Steffi Katharina=Kathi Susanne=Susi Gabriele=Gabi Elisabeth=Lisbeth Angelika=Geli Brigitte=Gitti "
        "Johanna=Hanna "
        "Magdalena=Leni Margarete=Grete Theresa=Resi Barbara=Bärbel Christina=Tina Christine=Christl Ursula=Uschi "
        "Andrea=Andi "
        "Sebastian=Basti Maximilian=Max Alexander=Alex Wolfgang=Wolfi Matthias=Matze Andreas=Andi Michael=Michi "
        "Johannes=Hannes "
        "Friedrich=Fritz Heinrich=Heiner Benjamin=Benny Tobias=Tobi Philipp=Phil Christian=Chris Thomas=Tom "
        "Joachim=Jochen "
        "Günter=Günni Robert=Robbi Niklas=Nik Daniel=Dani Daniela=Dani Stefan=Steff Markus=Mark Dominik=Domi"
    ),
)

FRENCH = Names(
    women=_words(
        "Marie Nathalie Isabelle Sylvie Catherine Françoise Valérie Christine Monique Sandrine Véronique Nicole "
        "Stéphanie Sophie Céline "
        "Chloé Aurélie Émilie Camille Léa Manon Élodie Hélène Béatrice Agnès Zoé Inès Océane Noémie Gaëlle Renée "
        "Éléonore Maëlle Anaïs"
    ),
    men=_words(
        "Jean Pierre Michel Philippe André Nicolas François Éric Frédéric Stéphane Christophe Olivier Sébastien "
        "Jérôme Julien Benoît "
        "Rémi Loïc Gaëtan Théo Hugo Lucas Raphaël Gaël Noël Étienne Maxence Clément Guillaume Thibault Antoine Baptiste"
    ),
    last=_words(
        "Martin Bernard Dubois Thomas Robert Richard Petit Durand Leroy Moreau Simon Laurent Lefèvre Michel Garcia "
        "David Bertrand Roux "
        "Vincent Fournier Morel Girard André Mercier Dupont Lambert Bonnet François Martinez Legrand Garnier Faure "
        "Rousseau Blanc Guérin "
        "Müller Henry Roussel Perrin Clément Gauthier Dumont Fontaine Chevalier Robin Masson Noël Gérard Lemaître "
        "Benoît Hervé"
    ),
    stems=_words("Beau Bois Bon Char Clair Des Du Fon Gran La Mal Mont Neuf Pré Roche Saint Val Ville Haute Font"),
    endings=_words("champ lieu court ville mont pré val rivière fontaine moulin chêne pont marais villard tier"),
    nicknames=_pairs(
        "Nathalie=Nath Isabelle=Isa Catherine=Cathy Stéphanie=Steph Véronique=Véro Camille=Cam Philippe=Phil "
        "Frédéric=Fred "
        "Christophe=Chris Sébastien=Seb Guillaume=Guigui Nicolas=Nico Raphaël=Raph Stéphane=Steph Béatrice=Béa "
        "Christine=Titi"
    ),
)

ENGLISH = Names(
    women=_words(
        "Sarah Elizabeth Margaret Susan Jennifer Victoria Katherine Rebecca Emma Olivia Charlotte Amelia Alice "
        "Emily Jessica Laura Helen "
        "Patricia Christine Deborah Abigail Eleanor Isabella Lucy Grace Megan Samantha Natalie Alexandra Caroline"
    ),
    men=_words(
        "James John Robert William David Richard Thomas Charles Michael Christopher Daniel Matthew Andrew Edward "
        "Joseph Benjamin Samuel "
        "Nicholas Alexander Jonathan Timothy Anthony Stephen Gregory Patrick Kenneth Oliver Harry George Frederick "
        "Lawrence"
    ),
    last=_words(
        "Smith Jones Taylor Brown Williams Wilson Johnson Davies Robinson Wright Thompson Evans Walker White "
        "Roberts Green Hall Wood "
        "Jackson Clarke O'Brien O'Connor McDonald MacLeod Fitzgerald Hughes Edwards Turner Hill Moore Clark "
        "Harrison Scott Cooper Ward"
    ),
    stems=_words("Ash Black Brad Burn Clay Cross Free Hart High Kings Lang Long Mar Nor Rams Ship Stan Wake Whit Win"),
    endings=_words("ford ham ley ton well wood field worth by bury man stone brook croft dale"),
    nicknames=_pairs(
        "Elizabeth=Liz Margaret=Peggy Susan=Sue Jennifer=Jenny Victoria=Vicky Katherine=Kate Rebecca=Becky "
        "Jessica=Jess "
        "Patricia=Pat Deborah=Debbie Abigail=Abby Isabella=Bella Samantha=Sam Alexandra=Sandra Robert=Bob William=Bill "
        "Richard=Dick James=Jim John=Jack Thomas=Tom Charles=Charlie Michael=Mike Christopher=Chris Daniel=Dan "
        "Matthew=Matt "
        "Andrew=Andy Edward=Ted Joseph=Joe Benjamin=Ben Samuel=Sam Nicholas=Nick Alexander=Alex Jonathan=Jon "
        "Timothy=Tim "
        "Anthony=Tony Stephen=Steve Gregory=Greg Kenneth=Ken Frederick=Fred Lawrence=Larry"
    ),
)

TURKISH = Names(
    women=_words(
        "Fatma Ayşe Emine Hatice Zeynep Elif Meryem Şerife Sultan Hanife Merve Zehra Esra Özlem Gülsüm Yasemin "
        "Dilek Songül Çiğdem "
        "Büşra Ebru Tuğba Nurcan Sevgi Aslı İrem Defne Gül Selin"
    ),
    men=_words(
        "Mehmet Mustafa Ahmet Ali Hüseyin Hasan İbrahim İsmail Osman Yusuf Murat Ömer Ramazan Halil Süleyman Emre "
        "Kemal Cem Burak "
        "Onur Çağlar Gökhan Serkan Tolga Uğur Volkan Yiğit Kağan Barış"
    ),
    last=_words(
        "Yılmaz Kaya Demir Çelik Şahin Yıldız Yıldırım Öztürk Aydın Özdemir Arslan Doğan Kılıç Aslan Çetin Kara Koç "
        "Kurt Özkan Şimşek "
        "Polat Korkmaz Çakır Erdoğan Güneş Aksoy Bulut Taş Güler Yavuz Aktaş Tekin Uçar Işık Coşkun Ünal Avcı"
    ),
    stems=_words("Ak Kara Öz Demir Taş Gül Yüce Er Bay Tan Altın Deniz Gök Kur Can"),
    endings=_words("oğlu türk han soy kan tepe dağ çelik demir kaya yurt ay lı er bey"),
    nicknames=_pairs(
        "Fatma=Fatoş Zeynep=Zeyno Hatice=Hatçe Mehmet=Memo Mustafa=Mıstık İbrahim=İbo Süleyman=Sülo İsmail=İsmo "
        "Elif=Elifnaz"
    ),
)

POLISH = Names(
    women=_words(
        "Anna Maria Katarzyna Małgorzata Agnieszka Barbara Ewa Krystyna Magdalena Elżbieta Joanna Aleksandra Zofia "
        "Monika Teresa Danuta "
        "Natalia Karolina Beata Dorota Jolanta Grażyna Iwona Łucja Bożena Wiesława Stanisława Kinga Zuzanna Julia"
    ),
    men=_words(
        "Piotr Krzysztof Andrzej Tomasz Paweł Jan Michał Marcin Jakub Adam Stanisław Marek Łukasz Grzegorz Mateusz "
        "Wojciech Mariusz "
        "Dariusz Zbigniew Jerzy Rafał Robert Kamil Szymon Jacek Janusz Mirosław Bartłomiej Przemysław Sławomir"
    ),
    last=_words(
        "Nowak Kowalski/Kowalska Wiśniewski/Wiśniewska Wójcik Kowalczyk Kamiński/Kamińska Lewandowski/Lewandowska "
        "Zieliński/Zielińska "
        "Szymański/Szymańska Woźniak Dąbrowski/Dąbrowska Kozłowski/Kozłowska Jankowski/Jankowska Mazur "
        "Wojciechowski/Wojciechowska "
        "Kwiatkowski/Kwiatkowska Krawczyk Kaczmarek Piotrowski/Piotrowska Grabowski/Grabowska Zając "
        "Pawłowski/Pawłowska Michalski/Michalska "
        "Król Nowakowski/Nowakowska Wieczorek Jabłoński/Jabłońska Wróbel Dudek Adamczyk Pająk Gąsior Stępień"
    ),
    stems=_words("Bor Brzez Dęb Gór Jezior Kal Klon Lip Łęk Malin Olsz Piask Rud Sad Sokoł Staw Topol Wierzb Zaw Żur"),
    endings=("owski/owska", "iński/ińska", "ewski/ewska", "ak", "ek", "owicz", "czyk"),
    nicknames=_pairs(
        "Katarzyna=Kasia Małgorzata=Gosia Agnieszka=Aga Magdalena=Magda Elżbieta=Ela Joanna=Asia Aleksandra=Ola "
        "Zofia=Zosia "
        "Barbara=Basia Anna=Ania Krzysztof=Krzysiek Tomasz=Tomek Jakub=Kuba Stanisław=Staszek Łukasz=Łukaszek "
        "Grzegorz=Grzesiek "
        "Wojciech=Wojtek Zbigniew=Zbyszek Bartłomiej=Bartek Przemysław=Przemek Mateusz=Mati Piotr=Piotrek Jan=Janek"
    ),
)

RUSSIAN = Names(
    women=_words(
        "Анна Мария Елена Ольга Наталья Екатерина Татьяна Ирина Светлана Юлия Александра Анастасия Галина Людмила "
        "Марина Надежда Вера "
        "Валентина Ксения Дарья Полина Евгения Любовь Оксана Алёна Виктория Лариса Зоя Яна"
    ),
    men=_words(
        "Александр Сергей Дмитрий Андрей Алексей Владимир Михаил Николай Иван Евгений Юрий Павел Виктор Максим "
        "Игорь Олег Константин "
        "Денис Роман Антон Фёдор Пётр Григорий Борис Вячеслав Георгий Семён Тимофей Яков"
    ),
    last=_words(
        "Иванов/Иванова Смирнов/Смирнова Кузнецов/Кузнецова Попов/Попова Васильев/Васильева Петров/Петрова "
        "Соколов/Соколова "
        "Михайлов/Михайлова Новиков/Новикова Фёдоров/Фёдорова Морозов/Морозова Волков/Волкова Алексеев/Алексеева "
        "Лебедев/Лебедева "
        "Семёнов/Семёнова Егоров/Егорова Павлов/Павлова Козлов/Козлова Степанов/Степанова Николаев/Николаева "
        "Орлов/Орлова "
        "Андреев/Андреева Макаров/Макарова Никитин/Никитина Захаров/Захарова Зайцев/Зайцева Соловьёв/Соловьёва "
        "Борисов/Борисова "
        "Яковлев/Яковлева Шмидт Миллер Вебер Щербаков/Щербакова Жуков/Жукова Цветков/Цветкова Чайковский/Чайковская"
    ),
    stems=_words(
        "Бел Берёз Вишн Голуб Дуб Журавл Зим Калин Карас Клим Лес Мельник Озер Рыб Сад Снег Тих Холод Черн Ястреб"
    ),
    endings=("ов/ова", "ин/ина", "евский/евская", "енков/енкова", "цев/цева"),
    nicknames=_pairs(
        "Мария=Маша Елена=Лена Ольга=Оля Наталья=Наташа Екатерина=Катя Татьяна=Таня Ирина=Ира Светлана=Света Юлия=Юля "
        "Александра=Саша Анастасия=Настя Людмила=Люда Надежда=Надя Ксения=Ксюша Дарья=Даша Александр=Саша "
        "Сергей=Серёжа "
        "Дмитрий=Дима Алексей=Лёша Владимир=Володя Михаил=Миша Николай=Коля Иван=Ваня Евгений=Женя Евгения=Женя "
        "Юрий=Юра "
        "Павел=Паша Константин=Костя Григорий=Гриша Пётр=Петя Анна=Аня"
    ),
    script="cyrillic",
)

UKRAINIAN = Names(
    women=_words(
        "Олена Наталія Оксана Тетяна Ірина Світлана Юлія Марія Ганна Людмила Катерина Вікторія Галина Надія Лариса "
        "Соломія Дарина Христина "
        "Анастасія Софія Богдана Зоряна Леся Мирослава"
    ),
    men=_words(
        "Олександр Володимир Сергій Андрій Микола Олексій Віктор Іван Михайло Юрій Василь Петро Дмитро Ігор Олег "
        "Тарас Богдан Ярослав "
        "Євген Роман Степан Остап Мирослав Григорій"
    ),
    last=_words(
        "Мельник Шевченко Коваленко Бондаренко Бойко Ткаченко Кравченко Ковальчук Коваль Олійник Шевчук Поліщук "
        "Іваненко Ткачук Савченко "
        "Бондар Марченко Руденко Мороз Лисенко Петренко Клименко Павленко Кравчук Кузьменко Пономаренко Василенко "
        "Харченко Гончаренко "
        "Щербак Яценко Хоменко Єременко Зінченко Гаврилюк"
    ),
    stems=_words("Бідн Вовч Гайд Довг Жит Заєц Кравц Липов Малин Небес Орл Пасіч Ромашк Сініц Терещ Чорн Швед Яворськ"),
    endings=("енко", "ук", "ак", "ик", "ів"),
    nicknames=_pairs(
        "Олена=Леся Наталія=Наталка Тетяна=Таня Катерина=Катруся Марія=Марічка Людмила=Люда Олександр=Сашко "
        "Володимир=Вова "
        "Микола=Коля Олексій=Льоша Михайло=Мишко Дмитро=Дмитрик Григорій=Гриць Іван=Івась Юлія=Юля Христина=Христя"
    ),
    script="ukrainian",
)

#: First names as single characters with their sound; people have one or two of them.
CHINESE = Names(
    women=_words("芳 娜 敏 静 丽 艳 娟 霞 秀 玲 桂 兰 梅 燕 雪 婷 慧 莹 倩 佳 欣 雨 晨 思 琳 月 云 红 英 萍"),
    men=_words("伟 强 磊 军 洋 勇 杰 涛 明 超 刚 平 辉 鹏 建 国 志 文 华 俊 浩 宇 博 天 林 海 峰 龙 波 斌"),
    last=_words(
        "王 李 张 刘 陈 杨 黄 赵 吴 周 徐 孙 马 朱 胡 郭 何 高 林 罗 郑 梁 谢 宋 唐 许 韩 冯 邓 曹 彭 "
        "曾 肖 田 董 潘 袁 蔡 蒋 余 于 杜 叶 程 魏 苏 吕 丁 任 沈"
    ),
    stems=(),
    endings=(),
    nicknames={},
    script="hanzi",
    glued=True,
)

#: In the Latin spelling; the Cyrillic one follows from it.
UZBEK = Names(
    women=_words(
        "Dilnoza Nigora Gulnora Zilola Feruza Malika Nodira Shahnoza Zulfiya Barno Munira Saodat Oygul Gulchehra "
        "Maftuna Sevara Umida "
        "Yulduz Laylo Mohira Nargiza Iroda Charos Xurshida Oʻgʻiloy Gʻuncha Shoira Robiya Madina Kamola"
    ),
    men=_words(
        "Jasur Botir Alisher Shavkat Rustam Sardor Ulugʻbek Otabek Bobur Sherzod Dilshod Farrux Anvar Jahongir "
        "Xurshid Islom Doniyor "
        "Bekzod Ravshan Oʻtkir Gʻayrat Muzaffar Nodir Zafar Umid Abdulla Akmal Ilhom Jamshid Mirzo"
    ),
    last=_words(
        "Karimov/Karimova Rahimov/Rahimova Yoʻldoshev/Yoʻldosheva Toshmatov/Toshmatova Qodirov/Qodirova Saidov/Saidova "
        "Ismoilov/Ismoilova Nazarov/Nazarova Xolmatov/Xolmatova Ergashev/Ergasheva Abdullayev/Abdullayeva "
        "Usmonov/Usmonova "
        "Mirzayev/Mirzayeva Oʻrinboyev/Oʻrinboyeva Gʻaniyev/Gʻaniyeva Shodmonov/Shodmonova Jalilov/Jalilova "
        "Tursunov/Tursunova "
        "Hakimov/Hakimova Sobirov/Sobirova Norboyev/Norboyeva Haydarov/Haydarova Choriyev/Choriyeva"
    ),
    stems=_words(
        "Asad Baxtiyor Davlat Eshon Fayz Gulom Hamid Ibrohim Komil Latif Mahmud Nusrat Oltin Polvon Qahramon Rasul "
        "Sulton Temur Umar Vali"
    ),
    endings=("ov/ova", "xoʻjayev/xoʻjayeva", "zoda", "boyev/boyeva"),
    nicknames=_pairs(
        "Dilnoza=Dilya Gulnora=Gulya Feruza=Fira Zulfiya=Zulya Nargiza=Nara Alisher=Alik Rustam=Rustik Sherzod=Sher "
        "Abdulla=Abdu Ulugʻbek=Ulug Shavkat=Shavkatjon Jasur=Jasurbek"
    ),
    script="uzbek",
)

#: Language, names, share of the company's customers: a German city bakery's neighbourhood.
CULTURES: tuple[tuple[str, Names, float], ...] = (
    ("german", GERMAN, 0.58),
    ("french", FRENCH, 0.06),
    ("english", ENGLISH, 0.04),
    ("turkish", TURKISH, 0.09),
    ("polish", POLISH, 0.07),
    ("russian", RUSSIAN, 0.06),
    ("ukrainian", UKRAINIAN, 0.04),
    ("chinese", CHINESE, 0.03),
    ("uzbek", UZBEK, 0.03),
)
