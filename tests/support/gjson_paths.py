"""Documents of JSON, and paths of gjson that use each sign of its grammar.

All pairs are tried in k6, too; see test_gjson_beside_k6.py.
"""

from __future__ import annotations

import json
from typing import Final

__all__ = ["DOCUMENTS", "FRIENDS", "PATHS"]

FRIENDS: Final = """{
  "name": {"first": "Tom", "last": "Anderson"},
  "age": 37,
  "children": ["Sara", "Alex", "Jack"],
  "fav.movie": "Deer Hunter",
  "friends": [
    {"first": "Dale", "last": "Murphy", "age": 44, "nets": ["ig", "fb", "tw"]},
    {"first": "Roger", "last": "Craig", "age": 68, "nets": ["fb", "tw"]},
    {"first": "Jane", "last": "Murphy", "age": 47, "nets": ["ig", "tw"]}
  ]
}"""
_ODD: Final = r"""{
  "name": {"first": "Tom", "last": "Anderson"}, "age": 37,
  "a": {"x": null}, "A1": {"q": 1}, "A2": {"z": [1, 2.50, -0, 1e3, {"k": []}]},
  "": {"": 5}, "@this": 1, "#": 2, "a*b": 7, "a?": 8, "t": true, "fa": false, "nu": null,
  "f": [1, [2], [3, 4, [5, [6]]], [], "s", null], "objs": [{"a": 1, "b": 2}, {"b": 3}, 5],
  "cols": {"id": [1, 2, 3], "n": ["a", "b"], "x": 1}, "j": "{\"in\":[1,2]}",
  "esc": "a\"b\\c*d?<&\\u00e9\\ud83d\\ude00", "e": [], "o": {}, "big": 12345678901234567890,
  "mixed": [1, "1", true, false, null, "true", "0", 0, [], {}]
}"""
_TRUTHS: Final = """ {"vals": [
  {"a": 1, "b": "data"}, {"a": 2, "b": true}, {"a": 3, "b": false}, {"a": 4, "b": "0"},
  {"a": 5, "b": 0}, {"a": 6, "b": "1"}, {"a": 7, "b": 1}, {"a": 8, "b": "true"},
  {"a": 9, "b": false}, {"a": 10, "b": null}, {"a": 11}, {"a": 12, "b": []}, 5, "s"
]} """
_LONG: Final = json.dumps(
    {
        "a": [[1, 2], [3, [4]], {"x": [1, 2]}],
        "long": ["a" * 32, "b" * 37, "c" * 23, 1],
        "z": 1,
        "b": {"y": {}, "x": [[], [{}]]},
    }
)
DOCUMENTS: Final = (
    *(FRIENDS, _ODD, _TRUTHS, _LONG, "[1,2,3]", "5", '"a text"', '{"a":', ""),
    '[{"a":[{"b":1},{"b":2}]},{"a":[{"b":3}]},{"a":5},{}]',
    '{"a":"\\ud800x","b":"ok"}',
)
PATHS: Final = tuple(
    path.strip()
    for path in r"""
name.last  ;  name  ;  age  ;  missing  ;  children  ;  children.0  ;  children.1  ;
children.7  ;  children.-1  ;  friends.1.first  ;  child*.2  ;  c?ildren.0  ;  c*n  ;  A*.z  ;
A*.z.0  ;  A*.#  ;  a*  ;  a\*b  ;  a\?  ;  a\**  ;  fav\.movie  ;  fav.movie  ;  friends.#  ;
friends.#.age  ;  friends.#.nope  ;  friends.#.nets.0  ;  friends.#.nets.#  ;
friends.#(last=="Murphy").first  ;  friends.#(last=="Murphy")#.first  ;
friends.#(age>45)#.last  ;  friends.#(age>=47)#.age  ;  friends.#(age<47)#.age  ;
friends.#(age<=47)#.age  ;  friends.#(age!=47)#.age  ;  friends.#(age="47").first  ;
friends.#(first%"D*").last  ;  friends.#(first!%"D*").last  ;  children.#(!%"*a*")  ;
children.#(%"*a*")#  ;  friends.#(nets.#(=="fb"))#.first  ;  friends.#(last="Murphy")#  ;
friends.#(nope)#  ;  friends.#(nope)  ;  friends.#(last)  ;  friends.#()#  ;  friends.#(  ;
friends.#(a  ;  mixed.#(>0)#  ;  mixed.#(=="1")#  ;  mixed.#(==true)#  ;  mixed.#(!=true)#  ;
mixed.#(<true)#  ;  mixed.#(>=false)#  ;  mixed.#(=~true)#  ;  mixed.#(=~false)#  ;
mixed.#(=~null)#  ;  mixed.#(=~*)#  ;  mixed.#(=~zz)#  ;  vals.#(b==~true)#.a  ;
vals.#(b==~false)#.a  ;  vals.#(b==~null)#.a  ;  vals.#(b==~*)#.a  ;  vals.#(b!=~*)#.a  ;
vals.#(b!=~true)#.a  ;  @this  ;  @this.name.first  ;  @reverse  ;  @reverse.0  ;
children.@reverse  ;  children.@reverse.0  ;  name.@reverse  ;  name.@keys  ;  name.@values  ;
cols.@group  ;  f.@flatten  ;  f.@flatten:{"deep":true}  ;  objs.@join  ;
objs.@join:{"preserve":true}  ;  j.@fromstr  ;  j.@fromstr.in.1  ;  name.@tostr  ;
name.@tostr.@fromstr.last  ;  @dig:first  ;  @dig:nets.0  ;  @valid  ;  @valid.age  ;
@ugly  ;  @ugly.age  ;  @pretty  ;  @nope  ;  @tostr  ;  A2.@tostr  ;  A2.z.@tostr  ;
f.@ugly.@tostr  ;  friends.0.@pretty.@tostr  ;  @pretty.@tostr  ;
@pretty:{"sortKeys":true}.@tostr  ;  @pretty:{"width":20,"indent":"\t","prefix":" "}.@tostr  ;
@ugly.@tostr  ;  long.@pretty.@tostr  ;  a.@pretty:{"width":10}.@tostr  ;
name.@pretty:{"sortKeys":true}.@keys  ;  {name.first,age}  ;
{name.first,age,"murphys":friends.#(last="Murphy")#.first}  ;
{name.first,"c":!"Happy","e":!true,"n":!null,"x":!5,"o":!{"q":[1]}}  ;
[name.first,age,nope]  ;  [name.first,age].1  ;  {a:age}  ;  {a:age}.a  ;
{"a b":age,fav\.movie,name.@this,friends.#}  ;  friends.#.{first,age}  ;
friends.#.[first,nets.0]  ;  {nope}  ;  {}  ;  []  ;  !"lit"  ;  !5  ;  !true  ;  !false  ;
!null  ;  !{"a":1}.a  ;  ![1,2].1  ;  !nope  ;  !nan  ;  !inf  ;  ..#  ;  ..0  ;
..0.name.first  ;  ..1  ;  ..#.name  ;  a.x  ;  a.x.y  ;  nu  ;  t  ;  fa  ;  .  ;  ..  ;
a..b  ;  \  ;  @  ;  #  ;  #.a  ;  #.a.#  ;  #.a.#.b  ;  #.a.0.b  ;  #(a)#.a  ;  e.#  ;
e.0  ;  e.#.x  ;  o.#  ;  o.@keys  ;  e.@keys  ;  age.@keys  ;  age.@values  ;  nu.@fromstr  ;
t.@fromstr  ;  mixed.@tostr  ;  esc  ;  esc.@tostr  ;  esc.@tostr.@tostr  ;  {esc}.@tostr  ;
big  ;  dup  ;  dup.a  ;  dup.@keys  ;  dup.@values  ;  dup.@reverse  ;  dup.@tostr  ;  *  ;
?  ;  *.last  ;  *.#(first="Jane").age  ;  *.#(first="Jane")#.age  ;  *.#(zzz="Jane")#.age  ;
long.#(%"b*")  ;  a.#.#  ;  a.0.#  ;  a.#.1  ;  b  ;  A1.q.r  ;  name.first.#  ;
children.#.@tostr  ;  children.#.@this  ;  f.#.#  ;  f.1.0  ;  f.01  ;  f.1.  ;  f.+1  ;
objs.#.a  ;  objs.#(a==1).b  ;  friends.#(first=="Ja\u006ee").age  ;  esc2  ;
friends.#(first=="Jane").nets.@reverse  ;  friends.#[last=="Murphy"]#.first  ;  #(==2)  ;
#(>1)#  ;  @this.#  ;  @reverse.@tostr  ;  0.a.#(b=2).b  ;  #.a.#(b>1)#  ;  #.a.@flatten  ;
#.a.@this  ;  @flatten  ;  @keys  ;  @values  ;  @group  ;  @join  ;  @fromstr  ;  [@this]  ;
{"k":@this}  ;  [@this.#]  ;  {@this.age,@keys}  ;  name.{last,first}  ;
name.[last,first].@reverse  ;  @this.@dig:last  ;  {"a":@dig:age}  ;  @dig:age.0  ;
friends.@dig:#(=="fb")  ;  friends|0|first  ;  friends|#  ;
friends.#(last="Murphy")#|first  ;  friends.#(last="Murphy")#.0  ;
friends.#(last="Murphy")#|0  ;  friends.#(last="Murphy")#.#  ;  friends.#(last="Murphy")#|#  ;
friends.#.first|0  ;  friends.#.first|@reverse  ;  nope|@keys  ;  nope.x|@keys  ;
age|@keys  ;  friends.#(age>45)#.first|#  ;  friends.#(age>450)#.first|#  ;
friends.#(age>450)#|#  ;  friends.#(age>45).nets|1  ;  children|@reverse|0  ;
{name,age}|name.first  ;  friends.#.{first,age}|0.age  ;  name|@tostr  ;  nope|@tostr  ;
nope|@fromstr  ;  nope|!"x"  ;  nope|[a]  ;  nope|{a}  ;  nope|@group  ;  nope|@dig:x  ;
nope|@pretty  ;  nope|..#  ;  name.first|..#  ;  a*|b  ;  A*|q  ;  @this|age  ;
children.#(%"*a*")#|@reverse|0  ;  friends.#(nets.#(=="fb"))#|1.first  ;  j|@fromstr|in|#  ;
friends|@dig:nets.0  ;  @dig:first|#  ;  @flatten:{"deep":true}|#  ;
friends.#.nets|@flatten  ;  [name.first|@tostr,age]  ;  {"q":friends.#.first|@reverse}  ;
@pretty:{"sortKeys":true}|@keys  ;  !5|@this  ;  !true|@this  ;  !"a|b"  ;  objs|@join|a  ;
nu|@this  ;  nu|@fromstr  ;  friends.0|@values|#  ;  friends.#(first|@tostr=="\"Jane\"")  ;
f|@flatten|#  ;  *|@tostr  ;  dup|a
""".replace("\n", "").split("  ;  ")
)
